"""Documents in another language: translated chunk by chunk, and back, to see what was kept.

Distillation for language extension: a model translates curated documents into the language that is
to be learnt. A long text is rewritten chunk by chunk (Kimi K2, arXiv 2507.20534), for a model that
gets all of it shortens it. Documents are cut at ends of sentences (``long_pieces.chunks``), each
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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args

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
from midtrain_dagster.synthesis import fidelity, long_pieces, loops, passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.long_pieces import chunks
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.method_config import MethodConfig
from midtrain_dagster.synthesis.passages import choose_documents
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (fidelity, language_module, long_pieces, loops, passages)

_NAMES = """
ar:Arabic bg:Bulgarian bn:Bengali ca:Catalan cs:Czech da:Danish de:German el:Greek en:English
es:Spanish et:Estonian fa:Persian fi:Finnish fr:French he:Hebrew hi:Hindi hr:Croatian hu:Hungarian
id:Indonesian is:Icelandic it:Italian ja:Japanese ko:Korean lt:Lithuanian lv:Latvian nl:Dutch
no:Norwegian pl:Polish pt:Portuguese ro:Romanian ru:Russian sk:Slovak sl:Slovenian sr:Serbian
sv:Swedish sw:Swahili ta:Tamil te:Telugu th:Thai tr:Turkish uk:Ukrainian ur:Urdu vi:Vietnamese
zh:Chinese
"""

LANGUAGES = dict(each.split(":") for each in _NAMES.split())
"""The languages that prompts can name, by lid.176's codes."""

LETTERS_JUDGED = 60
"""Letters from which a chunk's language is judged by itself."""
COPIED = 0.5
"""Share of a translation's word sequences that may be those of its chunk."""
LENGTHS = (0.4, 2.5)
"""Characters of a translation for each of its chunk, between languages of letters."""
SYLLABLES = frozenset({"ja", "ko", "zh"})
"""Languages whose characters are syllables or words: from and into them, four times as many or as
few will do."""

Reason = Literal[
    "empty",
    "unfinished",
    "remark",
    "loop",
    "too_short",
    "too_long",
    "numbers_changed",
    "term_lost",
    "copy",
    "not_in_language",
    "no_way_back",
    "lost_on_the_way_back",
    "other_chunk_lost",
    "document_not_in_language",
]

_NUMBER = re.compile(r"\d(?:[.,:'\u2019 \u00a0\u202f]?\d)*")
_LABEL = re.compile(r"\s*(?:translation|\w+ translation)\s*:\s*", re.I)


class Chunk(NamedTuple):
    """A stretch of a document that is translated by itself."""

    id: str
    document: str
    number: int
    """From 0, in the document."""
    text: str
    """Without the white space around it."""
    before: str
    after: str
    """That white space."""
    start: int
    stop: int
    """Bytes of it in the document, white space included."""


class Translated(NamedTuple):
    """What became of a chunk."""

    text: str
    reason: Reason | None
    back: str = ""
    chrf: float = 0.0


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
        description="lid.176's score of the target language, at least, "
        "for a document (FineWeb's for English); for a chunk half of it",
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
        every = {chunk.id: chunk for chunk in self.chunks(seeds)}
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

    def chunks(self, documents: pl.DataFrame) -> Iterator[Chunk]:
        """The chunks of all documents."""
        for identity, text in documents.select("id", "text").iter_rows():
            at = 0
            for number, part in enumerate(chunks(text, self.chunk_bytes)):
                stop = at + len(part.encode())
                inner = part.strip()
                before = part[: len(part) - len(part.lstrip())] if inner else ""
                after = part[len(before) + len(inner) :]
                place = f"{identity}:{at}-{stop}"
                if inner:
                    yield Chunk(place, identity, number, inner, before, after, at, stop)
                at = stop

    def terms(self, text: str) -> dict[str, str]:
        """The terms of the glossary that stand in a text, at the bounds of words."""
        return {
            term: said
            for term, said in self.glossary.items()
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
        codes = self._identified(texts)
        return {
            key: Translated(text, self._reason(every[key], text, key in cut, codes[key]))
            for key, text in texts.items()
        }

    def _reason(
        self, chunk: Chunk, text: str, cut: bool, language: tuple[str | None, float]
    ) -> Reason | None:
        size, wide = (
            len(text) / len(chunk.text),
            4 if {self.from_language, self.into} & SYLLABLES else 1,
        )
        low, high = LENGTHS[0] / wide, LENGTHS[1] * wide
        code, score = language
        judged = sum(map(str.isalpha, text)) >= LETTERS_JUDGED
        said, words = text.casefold(), fidelity.words_of(text)
        checks: dict[Reason, bool] = {
            "empty": not text,
            "unfinished": cut,
            "remark": fidelity.remark(text),
            "loop": loops.loops(text),
            "too_short": size < low,
            "too_long": size > high,
            "numbers_changed": figures(text) != figures(chunk.text),
            "term_lost": any(
                each.casefold() not in said for each in self.terms(chunk.text).values()
            ),
            "copy": len(words) > fidelity.SEQUENCE
            and fidelity.copied(words, fidelity.words_of(chunk.text)) > COPIED,
            "not_in_language": judged and (code != self.into or score < self.language_score / 2),
        }
        return next((reason for reason, holds in checks.items() if holds), None)

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
            code, score = codes.get(identity, (None, 0.0))
            wrong = code != self.into or score < self.language_score
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


def parse(completion: str) -> str:
    """The translation, without a label before it and quotation marks around it."""
    text = _LABEL.sub("", completion, count=1) if _LABEL.match(completion) else completion
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2
    return text[1:-1].strip() if quoted else text


def figures(text: str) -> Counter[str]:
    """The numbers of a text by their digits alone: a separator is a matter of language."""
    found = (re.sub(r"\D", "", each) for each in _NUMBER.findall(text))
    return Counter("".join(str(int(digit)) for digit in each) for each in found)


def chrf(text: str, reference: str) -> float:
    """The character n-gram F-score of a text, 0 to 100, by sacrebleu."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().sentence_score(text, [reference]).score)


def _is_sound(translated: Translated | None) -> bool:
    return translated is not None and translated.reason is None


def _prompts(rows: Sequence[tuple[str, list[dict[str, str]]]]) -> pl.DataFrame:
    """Requests of messages; also where there are none."""
    message = pl.Struct({"role": pl.String, "content": pl.String})
    schema = pl.Schema({"id": pl.String(), "prompt": pl.List(message)})
    return pl.DataFrame(rows, schema, orient="row")
