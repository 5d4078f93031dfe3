"""Question-answer pairs from curated documents, each answer located in its source.

Distillation as in the survey's section 3.2: a model reads a passage and writes a question and its
answer. Maini et al. (WRAP, arXiv 2401.16380) train on such question-answer text, Cheng et al.
(arXiv 2309.09530, 2406.14491) on the passage followed by its questions; we write the latter, so
that a question which makes no sense alone ("When did it open?") still has its context.

A small model invents. So a pair is accepted only if its answer stands **word for word in the
passage** (case, white space and the shape of quotation marks aside); the byte offsets of that span
are recorded, and what is rejected is counted by reason. This holds down what is wrong by
construction; it does not make a question sensible.

The prompt is a completion with five worked examples, not the model's chat format. Of 48 passages,
half web and half Wikipedia, SmolLM2-135M-Instruct gave a pair that passes for 26 with it, for 17
with three examples, for 15 when their answers were whole clauses; in chat format without examples
it gave none at all. With other passages: 87 of 192 from Wikipedia, 10 of 64 from the web. What
passes is often still silly ("Who played at the Sydney Sports Ground? Souths"): a small generator
shows the way, a larger one behind an endpoint takes the same prompt.

Passages are copied into the training text: choose source documents from the training split, never
from what is held out.
"""

import json
import re
from collections.abc import Iterator
from hashlib import blake2b
from heapq import nsmallest
from itertools import pairwise
from typing import Literal, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import DOCUMENTS, document_id
from midtrain_dagster.inference.generator import GeneratorConfig, Request

VERSION = 1

SOURCE = "synthetic_question_answer"

STOP = ("\n\n",)
"""What ends a completion: the worked examples are parted by empty lines."""

PROMPTS = pl.Schema(
    {
        "id": pl.String,
        "document": pl.String,
        "start": pl.UInt64,
        "stop": pl.UInt64,
        "prompt": pl.String,
    }
)
"""``start`` and ``stop`` are the passage's byte offsets in the document's text."""

REJECTS = pl.Schema({"id": pl.String, "reason": pl.String, "completion": pl.String})

SHORTEST_DOCUMENT = 200  # bytes
LONGEST_ANSWER = 20  # words
ABOUT_PASSAGE = 0.5  # share of a question's content words that stand in the passage

INSTRUCTION = "Reading comprehension. Each answer is a short phrase copied from the passage."

EXAMPLES = (
    (
        "The Danube rises in the Black Forest of Germany and flows for 2,850 km before it empties "
        "into the Black Sea. It passes through ten countries, more than any other river in the "
        "world.",
        "How many countries does the Danube pass through?",
        "ten countries",
    ),
    (
        "Marie Curie was born in Warsaw in 1867. In 1903 she shared the Nobel Prize in Physics "
        "with her husband Pierre and Henri Becquerel for their work on radioactivity.",
        "In which year did Marie Curie share the Nobel Prize in Physics?",
        "1903",
    ),
    (
        "The library was closed on Monday because a pipe had burst on the second floor. Staff "
        "moved about four hundred books to the town hall, and the reading room will stay shut "
        "until April.",
        "Where did staff move the books?",
        "the town hall",
    ),
    (
        "The Forth Bridge was designed by John Fowler and Benjamin Baker, and William Arrol "
        "directed its construction. It was opened on 4 March 1890.",
        "Who directed the construction of the Forth Bridge?",
        "William Arrol",
    ),
    (
        "Zebras live in herds and eat mostly grass. Each animal carries its own pattern of "
        "stripes, and scientists use the patterns to tell the animals apart.",
        "What do zebras mostly eat?",
        "grass",
    ),
)

Reason = Literal[
    "no_question",
    "no_answer",
    "prompt_echo",
    "answer_too_long",
    "answer_not_located",
    "question_repeats_answer",
    "question_not_about_passage",
    "duplicate_question",
]

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\u201d\u2019]*\s+|\n\s*\n")
_QUESTION = re.compile(r"\s*(?:Question:)?[ \t]*([^\n]*)")
_ANSWER = re.compile(r"\n\s*Answer:[ \t]*([^\n]*)")
_WORD = re.compile(r"\w+")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_EMPTY_WORDS = frozenset(
    _WORD.findall(
        "what when where which whom whose does that this with from have were many much name "
        "called person main passage text article author"
    )
)


class SynthesisConfig(FrozenModel):
    """Which documents are asked, how, and by which generator."""

    method: Literal["question_answer"] = "question_answer"
    domains: list[str] = Field(min_length=1, description="domains whose documents are asked")
    documents: int = Field(gt=0, description="documents asked, drawn by a hash of their ids")
    pairs: int = Field(default=1, gt=0, description="passages asked per document, at most")
    passage_bytes: int = Field(default=400, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=40, gt=0)
    seed: int = 0
    generator: GeneratorConfig
    domain: str = Field(default="qa", description="the domain that accepted pairs feed")

    @property
    def request(self) -> Request:
        """How the generator is asked."""
        return Request(
            generator=self.generator,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
            stop=STOP,
        )


class Pair(NamedTuple):
    """A question and its answer as a generator wrote them."""

    question: str
    answer: str


def choose_documents(documents: pl.DataFrame, config: SynthesisConfig) -> pl.DataFrame:
    """The documents to ask, in the order of their draw.

    The draw is by a hash of seed and id, so it depends on no order, and the choice from many parts
    is the choice from the parts' choices. Documents of fewer than 200 bytes are left out.
    """
    eligible = documents.filter(
        pl.col("domain").is_in(config.domains)
        & (pl.col("text").str.len_bytes() >= SHORTEST_DOCUMENT)
    )
    drawn = nsmallest(
        config.documents,
        range(eligible.height),
        key=[_draw(config.seed, identity) for identity in eligible["id"]].__getitem__,
    )
    return eligible[drawn]


def _draw(seed: int, identity: str) -> bytes:
    return blake2b(f"{seed}/{identity}".encode(), digest_size=16).digest()


def prompts(documents: pl.DataFrame, config: SynthesisConfig) -> pl.DataFrame:
    """One prompt a passage: the first ``pairs`` passages of each document. See ``PROMPTS``."""
    rows = []
    for identity, text in documents.select("id", "text").iter_rows():
        for start, stop in _first_passages(text, config.pairs, config.passage_bytes):
            offset = len(text[:start].encode())
            end = offset + len(text[start:stop].encode())
            rows.append(
                (f"{identity}:{offset}-{end}", identity, offset, end, prompt(text[start:stop]))
            )
    return pl.DataFrame(rows, schema=PROMPTS, orient="row")


def prompt(passage: str) -> str:
    """The worked examples, and the passage on one line."""
    worked = [
        f"Passage: {text}\nQuestion: {question}\nAnswer: {answer}"
        for text, question, answer in EXAMPLES
    ]
    return "\n\n".join([INSTRUCTION, *worked, f"Passage: {' '.join(passage.split())}\nQuestion:"])


def _first_passages(text: str, count: int, size: int) -> list[tuple[int, int]]:
    """Spans, in characters, of whole sentences up to ``size`` bytes; a much longer one is cut."""
    spans: list[tuple[int, int]] = []
    for start, stop in _sentences(text):
        if spans and len(text[spans[-1][0] : stop].encode()) <= size:
            spans[-1] = spans[-1][0], stop
        elif len(spans) < count:
            spans.append((start, stop))
        else:
            break
    return [(start, start + len(_cut(text[start:stop], 2 * size))) for start, stop in spans]


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore").rstrip()


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans, in characters, of sentences without the white space around them."""
    bounds = [0, *(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]
    for start, stop in pairwise(bounds):
        sentence = text[start:stop]
        if sentence.strip():
            yield start + len(sentence) - len(sentence.lstrip()), start + len(sentence.rstrip())


def parse(completion: str) -> Pair:
    """Question and answer of a completion; an empty text for what is not there."""
    asked = _QUESTION.match(completion)
    question = asked[1].strip() if asked else ""
    answered = _ANSWER.search(completion)
    answer = answered[1].strip().strip("\"'\u201c\u201d").rstrip(".,;:") if answered else ""
    return Pair(question if question.endswith("?") else "", answer)


def accept(
    completions: pl.DataFrame, documents: pl.DataFrame, *, generator: str, domain: str = "qa"
) -> dict[str, pl.DataFrame]:
    """Sort completions into documents and rejects.

    ``completions`` is the table of prompts with a column ``completion``; ``documents`` holds the
    documents they name; ``generator`` says in the metadata who wrote the pair. Returns
    ``documents`` (text: the passage, its question and its answer; metadata: source document,
    byte offsets of answer and passage in its text, generator) and ``rejects`` (id, reason,
    completion). A question that an earlier row has asked already is a duplicate.
    """
    sources = {row["id"]: row for row in documents.iter_rows(named=True)}
    accepted: list[dict[str, str | None]] = []
    rejects: list[tuple[str, str, str]] = []
    asked: set[str] = set()
    columns = completions.select("id", "document", "start", "stop", "completion")
    for identity, document, start, stop, completion in columns.iter_rows():
        source = sources[document]
        passage = source["text"].encode()[start:stop].decode()
        pair = parse(completion)
        question = _plain(pair.question)
        span = locate(pair.answer, passage)
        reason = _reason(pair, passage, span)
        if reason is None and question in asked:
            reason = "duplicate_question"
        if reason is not None or span is None:
            rejects.append((identity, str(reason), completion))
            continue
        asked.add(question)
        answer = passage[slice(*span)]
        answer_start = start + len(passage[: span[0]].encode())
        text = f"{passage}\n\nQuestion: {pair.question}\nAnswer: {answer}"
        metadata = {
            "document": document,
            "answer": {"start": answer_start, "stop": answer_start + len(answer.encode())},
            "passage": {"start": start, "stop": stop},
            "generator": generator,
        }
        accepted.append(
            {
                "id": document_id(SOURCE, identity, text),
                "text": text,
                "source": SOURCE,
                "domain": domain,
                "kind": "qa",
                "format": "plain",
                "language": source["language"],
                "locator": identity,
                "metadata": json.dumps(metadata),
            }
        )
    return {
        "documents": pl.DataFrame(accepted, schema=DOCUMENTS),
        "rejects": pl.DataFrame(rejects, schema=REJECTS, orient="row"),
    }


def _reason(pair: Pair, passage: str, span: tuple[int, int] | None) -> Reason | None:
    """Why a pair is rejected, or none; the first reason that holds is the one counted."""
    question, answer = _plain(pair.question), _plain(pair.answer)
    content = [w for w in question.split() if len(w) >= 4 and w not in _EMPTY_WORDS]
    known = set(_plain(passage).split())
    about = sum(word in known for word in content)
    checks: dict[Reason, bool] = {
        "no_question": not question,
        "no_answer": not answer,
        "prompt_echo": any(question == _plain(example) for _, example, _ in EXAMPLES),
        "answer_too_long": len(answer.split()) > LONGEST_ANSWER,
        "answer_not_located": span is None,
        "question_repeats_answer": f" {answer} " in f" {question} ",
        "question_not_about_passage": about < max(1, ABOUT_PASSAGE * len(content)),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def locate(answer: str, passage: str) -> tuple[int, int] | None:
    """Where the answer stands in the passage, as characters, at the bounds of words; else none.

    Case, the amount of white space and the shape of quotation marks do not count.
    """
    parts = [re.escape(part) for part in answer.translate(_QUOTES).split()]
    if not parts:
        return None
    pattern = r"(?<!\w)" + r"\s+".join(parts) + r"(?!\w)"
    found = re.search(pattern, passage.translate(_QUOTES), re.IGNORECASE)
    return found.span() if found else None


def _plain(text: str) -> str:
    """The words of a text in lower case, parted by single spaces."""
    return " ".join(_WORD.findall(text.lower()))
