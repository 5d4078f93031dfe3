"""Personas out of documents, more personas out of those, and what each of them would write.

Persona Hub (Ge et al. 2024, arXiv 2406.20094): *text to persona* asks who would read or write a
text; *persona to persona* asks who has to do with somebody, so that those come in whom no text
shows; a persona before a task makes the same model write something else each time. They draw a
billion personas from web text, six rounds of relations each, and drop near copies; the tasks are of
five kinds (``persona_tasks``).

A persona is one sentence about one kind of person; near copies go by the cosine of their words,
at their threshold of 0.9 (``diversity``). What is written for it is held to its task's form, and
problems are calculated again. The document is what was written; its persona, its task and how much
the personas of the run differ stand in the metadata. A seed is the passage that the persona came
from: the task knows nothing of it, so nothing is grounded, and an article may be wrong.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import diversity, passages, persona_tasks
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.diversity import NEAR, distinct, nearest, spread, vectors
from midtrain_dagster.synthesis.fidelity import remark, without_opening, words_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.passages import (
    DocumentConfig,
    first_passages,
    on_one_line,
    passage_prompts,
)
from midtrain_dagster.synthesis.persona_tasks import COOK, TASKS, TaskName
from midtrain_dagster.synthesis.styles.passages_shown import BEANS, CURIE
from midtrain_dagster.synthesis.styles.style import finished
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (passages, persona_tasks, diversity, draws)

WORDS = (6, 60)
"""Of a persona."""

VARIED = 0.7
"""Different word pairs of a persona for each of its word pairs, at least."""

STOP = ("\nText:", "\nPerson:")

CHEMIST = "A student of chemistry who reads the lives of scientists and dreams of a laboratory."
FARMER = "A farmer who grows beans and potatoes and sells them to canteens nearby."
LIBRARIAN = "A librarian at a university who finds old scientific papers for students."

FROM_TEXT = (
    "Who is likely to read, write or like each text? One sentence about the person: what the "
    "person does and is interested in."
)
FROM_PERSON = "Each person is followed by another one who has to do with the first."
RELATIONS = ((COOK, FARMER), (CHEMIST, LIBRARIAN))

Reason = Literal[
    "no_persona", "repetition", "near_copy", "no_task", "empty", "prompt_echo", "remark",
    "malformed", "wrong_calculation", "not_grounded", "unfinished", "too_little",
]  # fmt: skip

_PERSON = re.compile(r"(?:an?|the|someone|somebody)\s", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?:who|whose|whom|that|which)\b")


class Persona(NamedTuple):
    """A person, and the requests that led to the sentence about it."""

    text: str
    requests: tuple[str, ...]
    seed: Seed
    passage: str

    @property
    def id(self) -> str:
        """The last request's."""
        return self.requests[-1]


class Config(DocumentConfig):
    """What personas would write, and the personas out of documents and out of each other."""

    KIND: ClassVar[Kind] = "prose"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "persona"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["personas"] = "personas"
    relations: int = Field(
        default=1, ge=0, description="rounds in which each persona leads to another"
    )
    tasks: list[TaskName] = Field(
        default=list(get_args(TaskName)),
        min_length=1,
        description="what personas are asked for; each for one, drawn by a hash",
    )
    passage_bytes: int = Field(default=400, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=200, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="personas", description="the domain that accepted texts feed")

    @property
    def request(self) -> Request:
        """How the generator is asked: it is done where it would begin another example."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask for personas of texts, for personas of personas, and for what they write."""
        texts = dict(seeds.select("id", "text").iter_rows())
        prompts = passage_prompts(
            seeds,
            lambda _, text: first_passages(text, 1, self.passage_bytes),
            lambda _, passage: from_text(passage),
        )
        answers = yield Round(prompts, self.request)
        found = list(_from_texts(answers, texts))
        roots = personas = _different(found, [], collector)
        for number in range(self.relations):
            asked = [(f"{each.id}/{number}", from_person(each.text)) for each in roots]
            if not asked:
                break
            answers = yield Round(pl.DataFrame(asked, ["id", "prompt"], orient="row"), self.request)
            said = dict(answers.select("id", "completion").iter_rows())
            found = [
                each._replace(text=said[name], requests=(*each.requests, name))
                for each in roots
                if (name := f"{each.id}/{number}") in said
            ]
            roots = _different(found, personas, collector)
            personas = [*personas, *roots]
        if personas:
            yield from self._tasks(personas, collector)
        return collector.tables()

    def task_of(self, persona: Persona) -> TaskName:
        """What a persona is asked for."""
        return self.tasks[draws.place(f"task/{persona.id}", self.seed) % len(self.tasks)]

    def _tasks(
        self, personas: list[Persona], collector: Collector
    ) -> Generator[Round, pl.DataFrame, None]:
        asked = [
            (f"{each.id}/{self.task_of(each)}", TASKS[self.task_of(each)].prompt(each.text))
            for each in personas
        ]
        answers = yield Round(pl.DataFrame(asked, ["id", "prompt"], orient="row"), self.request)
        said = dict(answers.select("id", "completion").iter_rows())
        texts = [each.text for each in personas]
        told = {
            "distinct_1": round(distinct(texts, 1), 3),
            "distinct_2": round(distinct(texts, 2), 3),
            "spread": round(spread(vectors(texts)), 3),
        }
        served: set[str] = set()
        for (name, _), persona in zip(asked, personas, strict=True):
            task = TASKS[self.task_of(persona)]
            text, reason = task.write(said[name]) if name in said else ("", "no_task")
            if reason is not None:
                collector.reject(name, reason, said.get(name, ""))
                continue
            served.add(persona.requests[0])
            collector.accept(
                [*persona.requests, name],
                text,
                seeds=[persona.seed],
                shown=[
                    FieldShown(task.label, text, generated=True),
                    FieldShown("Persona", persona.text, generated=True),
                    FieldShown("Passage", persona.passage, generated=False),
                ],
                form=task.form,
                thought=task.thought,
                metadata={
                    "persona": persona.text,
                    "task": self.task_of(persona),
                    "diversity": told,
                },
            )
        for persona in personas:
            if len(persona.requests) == 1 and persona.id not in served:
                collector.reject(persona.id, "no_task", persona.text)


def from_text(passage: str) -> str:
    """Asks for a persona of a passage."""
    shown = [
        f"Text: {text}\nPerson: {person}" for text, person in ((BEANS, COOK), (CURIE, CHEMIST))
    ]
    return "\n\n".join([FROM_TEXT, *shown, f"Text: {on_one_line(passage)}\nPerson:"])


def from_person(persona: str) -> str:
    """Asks for a persona that has to do with another."""
    shown = [f"Person: {one}\nRelated person: {other}" for one, other in RELATIONS]
    return "\n\n".join([FROM_PERSON, *shown, f"Person: {persona}\nRelated person:"])


def read(completion: str) -> tuple[str, Reason | None]:
    """The persona in an answer, and why there is none."""
    answer = without_opening(completion, "Person:", "Related person:")
    persona = next((line.strip() for line in answer.splitlines() if line.strip()), "")
    words = len(words_of(persona))
    if remark(answer):
        return persona, "remark"
    if not _PERSON.match(persona) or not WORDS[0] <= words <= WORDS[1]:
        return persona, "no_persona"
    relative = _RELATIVE.search(persona)
    if relative and relative[0] in ("that", "which"):
        return persona, "no_persona"  # a thing
    if distinct([persona], 2) < VARIED:
        return persona, "repetition"
    if persona in (COOK, CHEMIST, FARMER, LIBRARIAN):
        return persona, "prompt_echo"
    return persona, None if finished(persona) else "unfinished"


def _from_texts(answers: pl.DataFrame, texts: dict[str, str]) -> Iterator[Persona]:
    rows = answers.select("id", "document", "start", "stop", "completion").iter_rows()
    for name, document, start, stop, completion in rows:
        passage = texts[document].encode()[start:stop].decode()
        yield Persona(completion, (name,), Seed(document, start, stop), passage)


def _different(found: list[Persona], known: list[Persona], collector: Collector) -> list[Persona]:
    """The personas that are one, and no near copy of an earlier one; the others are rejected."""
    sound = []
    for each in found:
        persona, reason = read(each.text)
        if reason is not None:
            collector.reject(each.id, reason, each.text)
        else:
            sound.append(each._replace(text=persona))
    cosines = nearest(vectors([each.text for each in (*known, *sound)]))[len(known) :]
    kept = []
    for each, cosine in zip(sound, cosines, strict=True):
        if cosine > NEAR:
            collector.reject(each.id, "near_copy", each.text)
        else:
            kept.append(each)
    return kept
