"""Judges: a text generator that scores texts by a rubric, or says which of two is better.

Both are rounds that a method, or the frame after it, puts in with ``yield from``::

    scores = yield from by_rubric(cases, rubric, request)
    verdicts = yield from by_pairs(pairs, question, request)

**By rubric** each criterion is asked for by itself (``inference/rubric.py``).

**In pairs** each is asked in both orders, because judges favour a place (Wang et al. 2023, arXiv
2305.17926; Zheng et al. 2023, MT-Bench, arXiv 2306.05685, section 3.3, which counts a verdict that
flips as a tie, as we do). How often a judge agrees with itself is :class:`Agreement`: one that says
a letter by chance agrees with itself in half of the pairs, one that always says the first in none.

Prompts are completions with worked examples, which a small model can follow and an endpoint answers
as well. What cannot be read is null: never a score, never a winner. ``curation.raters.judgements``
asks about corpus text by criteria of its own; here they are the recipe's or the method's.
"""

import re
from collections.abc import Generator
from itertools import product
from math import comb
from typing import Literal, NamedTuple

import polars as pl

from midtrain_dagster.inference import rubric as rubrics
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.inference.rubric import Rubric, on_one_line, parse_score, rubric_prompt
from midtrain_dagster.synthesis import judge
from midtrain_dagster.synthesis.method import Round

VERSION = 1
USES = (rubrics,)

ANSWER_TOKENS = judge.ANSWER_TOKENS
"""For the requests of methods that ask a judge themselves."""

SCORES = pl.Schema({"id": pl.String, "criterion": pl.UInt16, "score": pl.Float64})
"""What a judge gave a case, by the criterion's place in the rubric from 0; null: not to be read."""

Verdict = Literal["first", "second", "tie"]

VERDICTS = pl.Schema({"id": pl.String, "verdict": pl.String, "agrees": pl.Boolean, "lean": pl.Int8})
"""What became of a pair: a :data:`Verdict`, null where an answer cannot be read; whether both
orders said the same; and how often the place shown first won less how often the second did."""

Scoring = Generator[Round, pl.DataFrame, pl.DataFrame]
"""Yields one round, and returns ``SCORES`` or ``VERDICTS``, a row for all that was asked."""


_COMPARED = (
    (
        "Which text teaches more?",
        "Wow, so many trees here, we liked it. Come and see it, really.",
        "An oak can live for 500 years. Its acorns feed jays, which bury them and so plant oaks.",
        "B",
    ),
    (
        "Which text is written more clearly?",
        "The pump is switched on first. Then the valve is opened by half a turn.",
        "Valve, the, when pump on it has been then is being half turned, which open.",
        "A",
    ),
)

_CHOICE = r"(?:text\s{1,3})?(A|B|tie)\b(?=[\s*_\"')\]]{0,8}(?:[.,:;!\n]|$|is\b))"
_LETTER = re.compile(rf"(?i)[\s*_\"'(\[]{{0,8}}{_CHOICE}")
_LABELLED_LETTER = re.compile(
    rf"(?i)\b(?:better|answer|verdict)\b[\s*_:=\"'(\[]{{0,8}}(?:is\s{{1,3}})?{_CHOICE}"
)


def by_rubric(cases: pl.DataFrame, rubric: Rubric, request: Request) -> Scoring:
    """Have texts scored. ``cases`` has ``id`` and ``text``."""
    asked = rubric_requests(cases, rubric)
    answered = yield Round(asked, request)
    return scores(asked, answered, rubric)


def by_pairs(pairs: pl.DataFrame, question: str, request: Request) -> Scoring:
    """Have texts compared. ``pairs`` has ``id``, ``first`` and ``second``, the two texts;
    ``question`` is such as "Which text is written more clearly?"."""
    asked = pair_requests(pairs, question)
    answered = yield Round(asked, request)
    return verdicts(asked, answered)


def rubric_requests(cases: pl.DataFrame, rubric: Rubric) -> pl.DataFrame:
    """A request for each case and criterion: ``id``, ``prompt``, ``case``, ``criterion``."""
    rows = [
        (request_of(case, number), rubric_prompt(text, criterion, rubric.scale), case, number)
        for number, criterion in enumerate(rubric.criteria)
        for case, text in cases.select("id", "text").iter_rows()
    ]
    schema = {"id": pl.String, "prompt": pl.String, "case": pl.String, "criterion": pl.UInt16}
    return pl.DataFrame(rows, schema=schema, orient="row")


def request_of(case: str, criterion: int) -> str:
    """The id of the request for a case's score by the criterion at that place of the rubric."""
    return f"{_JUDGE}{criterion}:{case}"


def is_request(identity: str) -> bool:
    """Whether the id of a request is one of a judge's."""
    return identity.startswith(_JUDGE)


_JUDGE = "judge:"


def scores(asked: pl.DataFrame, answered: pl.DataFrame, rubric: Rubric) -> pl.DataFrame:
    """``SCORES`` of all that was asked, from the answers that there are."""
    said = dict(answered.select("id", "completion").iter_rows())
    found = [parse_score(said.get(each, ""), rubric.scale) for each in asked["id"]]
    return asked.select(id="case", criterion="criterion", score=pl.Series(found, dtype=pl.Float64))


def pair_requests(pairs: pl.DataFrame, question: str) -> pl.DataFrame:
    """Two requests for each pair, one an order: ``id``, ``prompt``, ``pair``, ``swapped``."""
    rows = [
        (
            f"judge:{'ba' if swapped else 'ab'}:{pair}",
            pair_prompt(second if swapped else first, first if swapped else second, question),
            pair,
            swapped,
        )
        for (pair, first, second), swapped in product(
            pairs.select("id", "first", "second").iter_rows(), (False, True)
        )
    ]
    schema = {"id": pl.String, "prompt": pl.String, "pair": pl.String, "swapped": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def verdicts(asked: pl.DataFrame, answered: pl.DataFrame) -> pl.DataFrame:
    """``VERDICTS`` of all pairs that were asked about, from the answers that there are."""
    said = dict(answered.select("id", "completion").iter_rows())
    straight = asked.filter(~pl.col("swapped"))
    rows = []
    for pair in straight["pair"]:
        shown = [parse_choice(said.get(f"judge:{order}:{pair}", "")) for order in ("ab", "ba")]
        rows.append((pair, *_verdict(*shown)))
    return pl.DataFrame(rows, schema=VERDICTS, orient="row")


def _verdict(
    straight: Verdict | None, swapped: Verdict | None
) -> tuple[Verdict | None, bool | None, int | None]:
    """What a pair's two answers, each by the place that won, say of the pair."""
    if straight is None or swapped is None:
        return None, None, None
    turned: dict[Verdict, Verdict] = {"first": "second", "second": "first", "tie": "tie"}
    agrees = straight == turned[swapped]
    lean = [straight, swapped].count("first") - [straight, swapped].count("second")
    return straight if agrees else "tie", agrees, lean


def pair_prompt(first: str, second: str, question: str) -> str:
    """Two worked examples, one for each letter, then the texts and the question, a line each."""
    worked = [
        f"Text A: {one}\nText B: {other}\n{asked}\nBetter: {letter}"
        for asked, one, other, letter in _COMPARED
    ]
    told = "Two texts are compared by one question. The answer is a letter, A or B."
    texts = f"Text A: {on_one_line(first)}\nText B: {on_one_line(second)}"
    return "\n\n".join([told, *worked, f"{texts}\n{on_one_line(question)}\nBetter:"])


def parse_choice(completion: str) -> Verdict | None:
    """Which of the places a completion calls the better: the letter it begins with, else the last
    that it calls its answer. None where "A" begins a sentence, or there is no letter."""
    found = _LETTER.match(completion)
    if found is None:
        found = next(iter([*_LABELLED_LETTER.finditer(completion)][-1:]), None)
    if found is None:
        return None
    places: dict[str, Verdict] = {"A": "first", "B": "second"}
    return places.get(found[1].upper(), "tie")


class Agreement(NamedTuple):
    """How a judge agrees with itself when the two texts of a pair change places."""

    pairs: int
    """Pairs that were asked about."""
    unreadable: int
    """Those of which an answer cannot be read."""
    agreed: int
    """Those of the others in which both orders said the same."""
    ties: int
    """Those that are ties: the verdict flipped, or the judge said so."""
    to_first: int
    """Those in which the place shown first won more often than the other."""
    to_second: int

    @property
    def share(self) -> float | None:
        """The share of readable pairs that agreed; by chance it is a half."""
        readable = self.pairs - self.unreadable
        return self.agreed / readable if readable else None

    @property
    def p_of_place(self) -> float:
        """How likely a lean to one place as strong as this is for a judge that has none: an exact
        two-sided sign test over the pairs that lean. A pair that agrees says nothing of it."""
        return sign_test(self.to_first, self.to_second)


def agreement(verdicts: pl.DataFrame) -> Agreement:
    """Counts of ``VERDICTS``."""
    readable = verdicts.drop_nulls("verdict")
    return Agreement(
        pairs=verdicts.height,
        unreadable=verdicts.height - readable.height,
        agreed=int(readable["agrees"].sum()),
        ties=readable.filter(verdict="tie").height,
        to_first=readable.filter(pl.col("lean") > 0).height,
        to_second=readable.filter(pl.col("lean") < 0).height,
    )


def sign_test(one: int, other: int) -> float:
    """The two-sided p of the exact sign test: of a fair coin falling as unevenly or more so."""
    thrown, fewer = one + other, min(one, other)
    tail = sum(comb(thrown, each) for each in range(fewer + 1))
    return min(1.0, 2 * tail / 2**thrown)
