"""Questions over passages: the one that answers stands among others that are like it.

RULER's ``qa`` puts the passage of a SQuAD or HotpotQA question among passages of others (Hsieh et
al., arXiv 2404.06654, section 3.4). Those sets are not at hand everywhere and stand in what models
were trained on; here passages are written, each of a person who has never lived, and asked for one
of four facts. A date has two ways to be written, and one is enough (RULER's maximum over
references).

Depth is that of the passage that answers.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.task import Draft, Placed, Ranked, Scope, Task, Wording
from midtrain_dagster.long_context.words import Pool, drawn_of, in_pool, listed

VERSION = 1
USES = (words,)

FIRST = listed(
    "Ada Alma Anton Berta Boris Carla Clara David Edith Emil Enzo Eva Felix Greta Hanna Hugo "
    "Ida Ivan Jonas Karin Lena Leo Marta Max Nina Olga Oscar Paula Peter Rosa Ruth Simon "
    "Sofia Theo Vera Viktor"
)
LAST = listed(
    "Adler Bauer Bergman Blom Castro Costa Dahl Duarte Eriksen Falk Ferrari Gruber Hansen "
    "Holm Ivanov Jansen Keller Kovac Lang Lindt Marin Moreau Nagy Novak Olsen Petrov Quist "
    "Rossi Sato Silva Stein Toth Ulrich Varga Weber Zeman"
)
CITIES = listed(
    "Athens Bergen Berlin Boston Cairo Delhi Dublin Geneva Hamburg Kyoto Lagos Lima Lisbon "
    "London Madrid Milan Moscow Naples Oslo Paris Porto Prague Quito Riga Rome Seoul Tokyo "
    "Turin Vienna Zurich"
)
FIELDS = listed(
    "algebra anatomy astronomy botany chemistry economics geology geometry grammar history "
    "law logic mechanics medicine music optics painting philosophy physics poetry surgery "
    "theology zoology"
)
TRADES = listed(
    "actor baker banker carpenter clerk cook diver doctor farmer glazier hunter jeweller "
    "judge lawyer mason miller nurse painter pilot potter printer sailor singer smith soldier "
    "tailor teacher weaver writer"
)
MONTHS = listed(
    "January February March April May June July August September October November December"
)

Fact = Literal["city", "date", "field", "trade"]
ASKED: dict[Fact, str] = {
    "city": "The city in which {} was born is",
    "date": "The day on which {} was born is",
    "field": "The subject that {} studied is",
    "trade": "The trade by which {} lived is",
}
RULER_ASKED: dict[Fact, str] = {
    "city": "In which city was {} born?",
    "date": "On which day was {} born?",
    "field": "Which subject did {} study?",
    "trade": "By which trade did {} live?",
}


class _Person(NamedTuple):
    name: str
    city: str
    date: tuple[int, int, int]
    field: str
    trade: str

    def answers(self, fact: Fact) -> tuple[str, ...]:
        """All ways to say a fact, that of the passage first."""
        day, month, year = self.date
        if fact == "date":
            return f"{day} {MONTHS[month]} {year}", f"{MONTHS[month]} {day}, {year}"
        return ({"city": self.city, "field": self.field, "trade": self.trade}[fact],)

    @property
    def passage(self) -> str:
        """What is told of the person."""
        return (
            f"{self.name} was born in {self.city} on {self.answers('date')[0]}. "
            f"{self.name.split()[0]} studied {self.field} and lived as a {self.trade}."
        )


class QuestionAnswering(Task):
    """A fact of a passage that stands among passages like it."""

    task: Literal["question_answering"] = "question_answering"
    wording: Wording = "brief"
    """In few words, or in RULER's."""

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where names run out."""
        draw = scope.draw
        fact: Fact = draw.one(("city", "date", "field", "trade"))
        names = drawn_of(
            draw, _name, 1 + max(1, scope.distractors), pool=scope.pool, what="persons' names"
        )
        asked, *others = [_person(draw, name) for name in names]
        right = asked.answers(fact)
        wrong = dict.fromkeys(each.answers(fact)[0] for each in others)
        wrong.pop(right[0], None)
        question = self._question(fact, asked.name)
        return Draft(
            placed=(Placed(asked.passage, scope.place()),),
            ranked=(Ranked(question, right[:1], tuple(wrong) or _another(fact, right[0])),),
            asked=question,
            references=right,
            opening=""
            if self.wording == "brief"
            else "Answer the question based on the given documents. Only give me the answer and do "
            "not output any other words.\n\nThe following are given documents.\n",
            filler=_passages(draw, others, {*names}, scope.pool),
            joint="\n",
            any_reference=True,
        )

    def _question(self, fact: Fact, name: str) -> str:
        if self.wording == "brief":
            return f"\n{ASKED[fact].format(name)}"
        return (
            "\n\nAnswer the question based on the given documents. Only give me the answer and do "
            f"not output any other words.\n\nQuestion: {RULER_ASKED[fact].format(name)} Answer:"
        )


def _passages(draw: Draw, first: list[_Person], taken: set[str], pool: Pool) -> Iterator[str]:
    """Passages of others, until all names are taken."""
    for person in first:
        yield person.passage
    rest = [f"{first} {last}" for first in FIRST for last in LAST]
    for name in draw.shuffled([name for name in rest if name not in taken and in_pool(name, pool)]):
        yield _person(draw, name).passage


def _name(draw: Draw) -> str:
    return f"{draw.one(FIRST)} {draw.one(LAST)}"


def _person(draw: Draw, name: str) -> _Person:
    date = (1 + draw.below(28), draw.below(12), 1700 + draw.below(250))
    return _Person(name, draw.one(CITIES), date, draw.one(FIELDS), draw.one(TRADES))


def _another(fact: Fact, right: str) -> tuple[str, ...]:
    """A wrong answer where chance has given all persons the right one."""
    known = {"city": CITIES, "field": FIELDS, "trade": TRADES, "date": ("1 May 1950",)}[fact]
    return (next(each for each in known if each != right),)
