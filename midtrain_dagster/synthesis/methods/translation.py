"""Documents in another language: translated chunk by chunk, and back, to see what was kept.

Distillation for language extension: a model translates curated documents into the language that is
to be learnt. A long text is rewritten chunk by chunk (Kimi K2, arXiv 2507.20534), for a model that
gets all of it shortens it. Documents are cut at ends of sentences (``round_trip.py``), each
chunk is translated by itself, and what passes is translated **back**. It is accepted where

- the round trip comes back to the source: chrF (Popovic 2015, sacrebleu's defaults: characters to
  6, no words, beta 2) of the text that came back, against the chunk;
- lid.176 says that it is in the target language, chunk by chunk where there are letters enough,
  and over the whole document;
- each number of the chunk stands in it, whatever separators its language has, and no other;
- each term of the glossary that stands in the chunk is translated as the glossary says. The prompt
  lists the terms of its chunk alone;
- it is about as long, goes round in no circle, and says nothing to whom it answers.

A model that copies comes back perfectly, which is why the language is asked for, and copied words
are counted. One that
translates badly both ways comes back badly; one that makes the same mistake both ways is not found
out: the round trip bounds what gets lost, and says nothing of style.

Chunks are joined in order with the white space that stood between them. A document of which a chunk
was lost is rejected, or, with ``lost_chunk: cut``, ends before it; its metadata says where.

SmolLM2-135M-Instruct is a model of English. What it makes of this is said in docs/synthesis.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.collection.default_data import LANGUAGE_MODEL
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.curation import language as language_module
from midtrain_dagster.curation.classifier import model_fault
from midtrain_dagster.curation.language import identify
from midtrain_dagster.curation.language_codes import language_problem
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.synthesis import passages, round_trip
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.method_config import MethodConfig
from midtrain_dagster.synthesis.passages import choose_documents
from midtrain_dagster.synthesis.round_trip import (
    LANGUAGES,
    LETTERS_JUDGED,
    SYLLABLES,
    Chunk,
    Reason,
    Translated,
    broken,
    chrf,
    chunks_of,
    parse,
)
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (language_module, passages, round_trip)


class Config(MethodConfig):
    """Documents that a model translates, kept where they come back to what they were."""

    KIND: ClassVar[Kind] = "prose"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "translation"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["translation"] = "translation"
    domains: list[str] = Field(min_length=1, description="domains whose documents are translated")
    domain: str = Field(default="translated", description="the domain that translations feed")
    documents: int = Field(gt=0, description="documents translated, drawn by a hash of their ids")
    from_language: str = Field(
        default="en", description="ISO 639 code of what the documents are in"
    )
    into: str = Field(description="ISO 639 code of the language that they are translated into")
    glossary: dict[str, str] = Field(
        default_factory=dict, description="terms of the documents, each with its translation"
    )
    chunk_bytes: int = Field(default=800, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=512, gt=0, description="tokens of a completion, at most")
    minimum_chrf: float = Field(
        default=50, ge=0, le=100, description="chrF of what comes back against the chunk, at least"
    )
    language_score: float = Field(
        default=0.65,
        ge=0,
        le=1,
        description="how sure lid.176 must be of a document's language (FineWeb's for English); of "
        "a chunk's, half of that",
    )
    language_model: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None, description="lid.176's file, relative to the recipe; null: the default data's"
    )
    lost_chunk: Literal["reject", "cut"] = "reject"
    """What becomes of a document of which a chunk was lost: rejected, or what stands before it."""

    @model_validator(mode="after")
    def _languages(self) -> Self:
        for field in ("from_language", "into"):
            code = getattr(self, field)
            fault = language_problem(code)
            if fault:
                raise ValueError(f"{field}: {code!r}: {fault}")
            if code not in LANGUAGES:
                known = ", ".join(LANGUAGES)
                raise ValueError(f"{field}: {code!r} has no name for prompts; these have: {known}")
        if self.from_language == self.into:
            raise ValueError("into: the documents are in that language already")
        empty = [
            term for term, said in self.glossary.items() if not (term.strip() and said.strip())
        ]
        if empty:
            raise ValueError(f"glossary: {empty[0]!r} or its translation is empty: leave it out")
        return self

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What the generator lacks, and a language identifier that is not there."""
        yield from super().findings(find)
        fault = model_fault(self._identifier(find))
        if fault:
            yield Finding(("language_model",), fault)

    def given(self, find: FindPath) -> dict[str, Any]:
        """The language identifier, as a cause."""
        return {"language_model": known_digest(self._identifier(find))}

    def located(self, find: FindPath) -> Self:
        """The same with the way to the language identifier."""
        return self.model_copy(update={"language_model": str(self._identifier(find))})

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents to translate, of those that declare no other language."""
        language = pl.col("language")
        ours = documents.filter(language.is_null() | (language == self.from_language))
        return choose_documents(ours, domains=self.domains, count=self.documents, seed=self.seed)

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Translate each chunk, translate back what passes, and join."""
        every = {chunk.id: chunk for chunk in chunks_of(seeds, self.chunk_bytes)}
        asked = [(chunk.id, self._messages(chunk.text, back=False)) for chunk in every.values()]
        answered = yield Round(_prompts(asked), self.request)
        found = self._first_checks(answered, every)
        sound = [(key, each.text) for key, each in found.items() if each.reason is None]
        if sound:
            returning = [(f"back:{key}", self._messages(text, back=True)) for key, text in sound]
            returned = yield Round(_prompts(returning), self.request)
            backs = dict(returned.select("id", "completion").iter_rows())
            for key, text in sound:
                found[key] = self._compared(every[key], text, backs.get(f"back:{key}"))
        self._join(seeds, every, found, collector)
        return collector.tables()

    def terms(self, text: str) -> dict[str, str]:
        """The terms of the glossary that stand in a text, at the bounds of words."""
        return {
            term: said
            for term, said in sorted(self.glossary.items())
            if re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text, re.I)
        }

    def _messages(self, text: str, *, back: bool) -> list[dict[str, str]]:
        one, other = LANGUAGES[self.from_language], LANGUAGES[self.into]
        one, other = (other, one) if back else (one, other)
        lines = [
            f"Translate this text from {one} into {other}. Keep every number and every name. "
            "Write the translation and nothing else."
        ]
        terms = {} if back else self.terms(text)
        if terms:
            lines.append("Use these words:")
            lines += [f"- {term}: {said}" for term, said in terms.items()]
        return [{"role": "user", "content": "\n".join([*lines, "", text])}]

    def _first_checks(
        self, answered: pl.DataFrame, every: Mapping[str, Chunk]
    ) -> dict[str, Translated]:
        """The translations, each with what is wrong with it by itself."""
        rows = list(answered.select("id", "completion", "finish").iter_rows())
        texts = {key: parse(completion) for key, completion, _ in rows}
        cut = {key for key, _, finish in rows if finish == "length"}
        spoken = self._identified(texts)
        wide = bool({self.from_language, self.into} & SYLLABLES)
        found = {}
        for key, text in texts.items():
            terms = list(self.terms(every[key].text).values())
            reason = broken(every[key], text, terms, cut=key in cut, wide=wide)
            judged = sum(map(str.isalpha, text)) >= LETTERS_JUDGED
            if reason is None and judged and not self._speaks(spoken[key], 0.5):
                reason = "not_in_language"
            found[key] = Translated(text, reason)
        return found

    def _speaks(self, told: tuple[str | None, float], part: float = 1.0) -> bool:
        """Whether lid.176 has told the target language, by that part of the score it needs."""
        code, score = told
        return code == self.into and score >= part * self.language_score

    def _compared(self, chunk: Chunk, text: str, back: str | None) -> Translated:
        """A translation whose way back is known."""
        if back is None:
            return Translated(text, "no_way_back")
        returned = parse(back)
        score = chrf(returned, chunk.text)
        reason: Reason | None = None if score >= self.minimum_chrf else "lost_on_the_way_back"
        return Translated(text, reason, returned, score)

    def _join(
        self,
        seeds: pl.DataFrame,
        every: Mapping[str, Chunk],
        found: Mapping[str, Translated],
        collector: Collector,
    ) -> None:
        """Join chunks to documents, and reject the others."""
        of_document: dict[str, list[Chunk]] = {}
        for chunk in every.values():
            of_document.setdefault(chunk.document, []).append(chunk)
        made: dict[str, list[Chunk]] = {}
        for identity, parts in of_document.items():
            lost = [n for n, each in enumerate(parts) if not _is_sound(found.get(each.id))]
            end = lost[0] if lost else len(parts)
            made[identity] = [] if lost and self.lost_chunk == "reject" else parts[:end]
        texts = {
            identity: "".join(each.before + found[each.id].text + each.after for each in parts)
            for identity, parts in made.items()
        }
        codes = self._identified(texts)
        for identity, source in seeds.select("id", "text").iter_rows():
            parts = made.get(identity, [])
            wrong = not self._speaks(codes.get(identity, (None, 0.0)))
            for chunk in of_document.get(identity, []):
                each = found.get(chunk.id)
                if each is None or (chunk in parts and not wrong):
                    continue  # what failed is the frame's affair
                why = each.reason or (
                    "document_not_in_language" if chunk in parts else "other_chunk_lost"
                )
                collector.reject(chunk.id, why, each.text)
            if parts and not wrong:
                total = len(of_document[identity])
                self._accept(identity, source, texts[identity], parts, found, total, collector)

    def _accept(
        self,
        identity: str,
        source: str,
        text: str,
        parts: Sequence[Chunk],
        found: Mapping[str, Translated],
        total: int,
        collector: Collector,
    ) -> None:
        scores = [found[each.id].chrf for each in parts]
        stop = parts[-1].stop
        collector.accept(
            [each.id for each in parts] + [f"back:{each.id}" for each in parts],
            text.strip(),
            seeds=[Seed(identity, 0, stop)],
            shown=[
                FieldShown("Translation", text.strip(), generated=True),
                FieldShown("Back again", found[parts[0].id].back, generated=True),
                FieldShown("Source", source.encode()[:stop].decode(), generated=False),
            ],
            language=self.into,
            scores={
                "chrf": round(sum(scores) / len(scores), 2),
                "chrf_least": round(min(scores), 2),
            },
            metadata={"document": identity, "chunks": len(parts), "chunks_of_document": total},
        )

    def _identified(self, texts: Mapping[str, str]) -> dict[str, tuple[str | None, float]]:
        """lid.176's code and score of each text."""
        table = pl.DataFrame(
            {"id": list(texts), "text": list(texts.values())}, {"id": pl.String, "text": pl.String}
        )
        model = Path(self.language_model) if self.language_model else LANGUAGE_MODEL
        told = identify(
            table.with_columns(kind=pl.lit("prose"), format=pl.lit("plain")), model=model
        )
        rows = told["language"].select("id", "language", "language_score").iter_rows()
        return {key: (code, score or 0.0) for key, code, score in rows}

    def _identifier(self, find: FindPath) -> Path:
        return Path(find(self.language_model)) if self.language_model else LANGUAGE_MODEL


def _is_sound(translated: Translated | None) -> bool:
    return translated is not None and translated.reason is None


def _prompts(rows: Sequence[tuple[str, list[dict[str, str]]]]) -> pl.DataFrame:
    """Requests of messages; also where there are none."""
    message = pl.Struct({"role": pl.String, "content": pl.String})
    schema = pl.Schema({"id": pl.String(), "prompt": pl.List(message)})
    return pl.DataFrame(rows, schema, orient="row")
