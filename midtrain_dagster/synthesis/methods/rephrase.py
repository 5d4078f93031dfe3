"""Passages said again by a model, in one of twenty named styles or in several.

The styles are data (``synthesis/styles``), by the paper that has them:

==============  ==================================================================================
set             styles
==============  ==================================================================================
``wrap``        easy, medium, hard, question_answer
``nemotron_cc`` wikipedia, diverse_qa, distill, extract_knowledge, knowledge_list
``mind``        two_professors, teacher_student, two_students, interview, problem_solving,
                layman_expert, debate
``finephrase``  table, word_problem, faq, tutorial
==============  ==================================================================================

With several of them a document is asked in one, drawn by a hash of its id: more styles ask no more.
Many styles of the same facts are what made rephrasing scale (Su et al. 2024; Kimi K2, arXiv
2507.20534); what each is good for at which size is not settled.

A small model copies, shortens and invents. So an answer must have its style's form and keep to its
passage within bounds (``fidelity``), and is counted by the first that it breaks. This bounds what
gets lost or is made up; it does not show that the sentences still mean the same. Yields seen are in
docs/synthesis.md: a model of 135M parameters only shows the way.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from midtrain_dagster.core import draws
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import passages, segments
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.fidelity import words_of
from midtrain_dagster.synthesis.passages import (
    Answer,
    PassageConfig,
    Sorter,
    first_passages,
    passage_prompts,
)
from midtrain_dagster.synthesis.segments import line_segments
from midtrain_dagster.synthesis.styles import catalogue
from midtrain_dagster.synthesis.styles.catalogue import SETS, STYLES, named
from midtrain_dagster.synthesis.styles.style import BYTES_PER_TOKEN, REASONS, STOP, Style, Written
from midtrain_dagster.synthesis.tables import Accepted, Family, Thought

VERSION = 3
USES = (passages, segments, catalogue, draws)


def _known(names: list[str]) -> list[str]:
    named(names)
    return names


_NAME = {"type": "string", "enum": [*SETS, *STYLES]}

StyleNames = Annotated[
    list[str],
    BeforeValidator(lambda names: [names] if isinstance(names, str) else names),
    AfterValidator(_known),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}),
]


class Said(NamedTuple):
    """An answer about a passage that has been read."""

    answer: Answer
    written: Written


class Config(PassageConfig):
    """Passages that a model says in other words, in named styles, each held against its source."""

    KIND: ClassVar[Kind] = "prose"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "rephrased"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 2
    CHECKS: ClassVar[Sequence[str]] = (*REASONS, "duplicate")

    method: Literal["rephrase"] = "rephrase"
    style: StyleNames = Field(
        default=["medium"],
        description="a style, or several over which the documents are spread; the name of a set "
        "(`wrap`, `nemotron_cc`, `mind`, `finephrase`) stands for all of its styles",
    )
    passage_bytes: int = Field(
        default=0, ge=0, description="bytes of a passage, at most; 0: as many as its style has"
    )
    max_new_tokens: int = Field(
        default=0, ge=0, description="tokens of a completion, at most; 0: as many as its styles ask"
    )
    domain: str = Field(default="rephrased", description="the domain that rephrasings feed")

    @property
    def request(self) -> Request:
        """How the generator is asked: all styles together, with what the longest of them needs."""
        asked = max(STYLES[name].max_new_tokens for name in named(self.style))
        return Request(
            generator=self.generator,
            max_new_tokens=min(asked, self.max_new_tokens or asked),
            seed=self.seed,
            stop=STOP,
        )

    def style_of(self, document: str) -> str:
        """The name of the style in which a document is asked."""
        names = named(self.style)
        return names[draws.place(f"style/{document}", self.seed) % len(names)]

    def prompts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """One prompt a passage. See ``passages.PROMPTS``."""
        return passage_prompts(
            documents,
            lambda identity, text: self._spans(STYLES[self.style_of(identity)], text),
            lambda identity, passage: STYLES[self.style_of(identity)].prompt(passage),
        )

    def _spans(self, style: Style, text: str) -> list[tuple[int, int]]:
        least, most = (BYTES_PER_TOKEN * each for each in style.tokens)
        most = min(most, self.passage_bytes or most)
        if style.by_lines:
            return line_segments(text, least=least, most=most, count=self.passages)
        return first_passages(text, self.passages, most)

    def accept(
        self, completions: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> Accepted:
        """Sort completions into documents and rejects.

        A document is one answer, or those about all passages of a source where the style joins
        them. What an earlier one has said already is a duplicate.
        """
        groups: dict[str, list[Said]] = {}
        sorter = Sorter(completions, documents, collector)
        for answer in sorter.answers():
            style = STYLES[self.style_of(answer.document)]
            written = style.write(answer.completion, answer.passage)
            if written.reason is not None:
                sorter.reject(answer, written.reason)
                continue
            key = answer.document if style.joined else answer.id
            groups.setdefault(key, []).append(Said(answer, written))
        known: set[str] = set()
        for group in groups.values():
            name = self.style_of(group[0].answer.document)
            style = STYLES[name]
            text = "\n".join(each.written.text for each in group)
            words = " ".join(words_of(text))
            reason = "too_little" if style.too_little(text) else "duplicate"
            if style.too_little(text) or words in known:
                for each in group:
                    sorter.reject(each.answer, reason)
                continue
            known.add(words)
            _accept(collector, group, text, name)
        return sorter.tables()


def _accept(collector: Collector, group: list[Said], text: str, name: str) -> None:
    """Make one document of the answers about one or more passages of a source."""
    style, first, last = STYLES[name], group[0].answer, group[-1].answer
    collector.accept(
        [each.answer.id for each in group],
        text,
        seeds=[Seed(each.answer.document, each.answer.start, each.answer.stop) for each in group],
        shown=[
            FieldShown(style.label, text, generated=True),
            FieldShown(
                "Passage", "\n".join(each.answer.passage for each in group), generated=False
            ),
        ],
        language=first.language,
        form=style.form,
        thought=style.thought,
        scores=_mean(each.written.fidelity.scores for each in group if each.written.fidelity),
        metadata={
            "document": first.document,
            "passage": {"start": first.start, "stop": last.stop},
            "style": name,
        },
    )


def _mean(scores: Iterable[dict[str, float]]) -> dict[str, Any]:
    """The mean of each score over the answers of a document."""
    return pl.DataFrame(list(scores)).mean().row(0, named=True)
