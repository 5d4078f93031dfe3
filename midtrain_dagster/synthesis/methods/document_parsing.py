"""PDF to Markdown by a model that sees: each page as an image, each answer held against the page.

Extraction as olmOCR does it (Poznanski et al. 2025, arXiv 2502.18443), whose PDFs are a domain of
OLMo 3's mid-training mix: a vision-language model behind an endpoint is shown the page and writes
it in reading order, tables and formulas included. Where a text layer says what stands on the page,
the answer must agree with it, by words and by pairs of neighbours (``page_markdown.py``); a scanned
page has none, and is read twice, the second time smaller and with another seed, and the two
readings must agree. Tables must be well formed, formulas' signs must go together, and an answer
that goes round in a circle, is cut, or speaks to whom it answers is rejected.

Agreement bounds what a model leaves out or makes up. It does not see a figure in a table that
stands in the wrong cell, and of a formula it sees the braces alone.

Neighbouring pages that were accepted become one document, so a page that was lost parts a document
in two; the metadata say which pages each has. A file that is encrypted, damaged or too large is
rejected by itself, a page that cannot be loaded likewise. A page is shown as a grey PNG (some 100
kB at 1,280 pixels), and all pages of a run are held in memory; a store keeps their digests alone.

Local engines are text alone, so a recipe that names one is refused.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args

import polars as pl
from pydantic import Field, TypeAdapter, model_validator

from midtrain_dagster.collection import pdf_file
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core import draws
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.synthesis import fidelity, loops, page_markdown
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.method_config import MethodConfig
from midtrain_dagster.synthesis.page_markdown import (
    Agreement,
    Form,
    agreement,
    form,
    plain,
    unfenced,
)
from midtrain_dagster.synthesis.tables import Family, Thought

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

VERSION = 1
USES = (draws, fidelity, loops, page_markdown)

PROMPT = (
    "The image shows one page of a document. Write down what stands on it as Markdown, in the "
    "order in which it is read: headings with #, tables as pipe tables, formulas in LaTeX between "
    "dollar signs. Leave out running heads and page numbers. Add nothing, and write nothing else."
)
LAYER_WORDS = 12
"""Words from which a page's text layer says what stands on it."""
SMALLER = 0.75
"""The pixels of the second reading, of those of the first."""
LARGEST_FILE = 200 * 2**20

Reason = Literal[
    "encrypted",
    "unreadable_file",
    "unreadable_page",
    "too_large",
    "too_many_pages",
    "empty",
    "unfinished",
    "remark",
    "loop",
    "broken_table",
    "unbalanced_formula",
    "differs_from_text_layer",
    "no_second_reading",
    "readings_differ",
]

_IMAGE = pl.Struct({"url": pl.String})
_PART = pl.Struct({"type": pl.String, "text": pl.String, "image_url": _IMAGE})
_MESSAGE = pl.Struct({"role": pl.String, "content": pl.List(_PART)})
PAGES = pl.Schema({"id": pl.String(), "prompt": pl.List(_MESSAGE)})


class Page(NamedTuple):
    """A page that is asked about."""

    id: str
    """``FILE:PAGE``, from 1."""
    file: str
    number: int
    """From 0."""
    pages: int
    """Of the file."""
    layer: str
    """Its text layer."""
    again: str
    """The smaller image, where there is too little of a text layer."""


class Parsed(NamedTuple):
    """What became of a page."""

    text: str
    reason: Reason | None
    agrees: Agreement
    form: Form


class Config(MethodConfig):
    """PDFs that a model which sees writes as Markdown, kept where it agrees with the page."""

    KIND: ClassVar[Kind] = "prose"
    FAMILY: ClassVar[Family] = "extraction"
    FORM: ClassVar[str] = "parsed_pages"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["document_parsing"] = "document_parsing"
    paths: Annotated[list[str], NOT_A_CAUSE] = Field(
        min_length=1, description="PDFs: glob patterns, folders, files or URIs, as of a source"
    )
    domain: str = Field(default="parsed", description="the domain that parsed documents feed")
    documents: int = Field(gt=0, description="files, drawn by a hash of their names, at most")
    pages: int = Field(
        default=200, gt=0, description="pages of a file, at most: one that has more is left out"
    )
    pixels: int = Field(default=1280, ge=64, le=8192, description="of a page's longer side")
    max_new_tokens: int = Field(default=3072, gt=0, description="tokens of a page, at most")
    agreement: float = Field(
        default=0.8, ge=0, le=1, description="F-score of words with the text layer, at least"
    )
    order: float = Field(
        default=0.6, ge=0, le=1, description="F-score of neighbouring words, at least"
    )

    @model_validator(mode="after")
    def _sees(self) -> Self:
        if not self.generator.remote:
            raise ValueError(
                f"generator: the engine {self.generator.engine!r} is shown no images: name an "
                "endpoint (engine: openai) with a model that sees"
            )
        return self

    @property
    def domains(self) -> Sequence[str]:
        """None: its seeds are files."""
        return ()

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What the generator lacks, and paths that lead to no PDF."""
        yield from super().findings(find)
        yield from _source(self.located(find).paths).look("pdf", ".").findings

    def given(self, find: FindPath) -> dict[str, Any]:
        """The files, by name and digest."""
        files = _source(self.located(find).paths).list_files("pdf", ".")
        return {"files": [file.cause for file in files]}

    def located(self, find: FindPath) -> Self:
        """The same with paths that can be opened."""
        return self.model_copy(update={"paths": [find(path) for path in self.paths]})

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """No documents."""
        return documents.clear()

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Read each page, those without a text layer twice, and join neighbours."""
        pages: dict[str, Page] = {}
        asked = []
        for page, url in self._shown(collector):
            pages[page.id] = page
            asked.append((page.id, _messages(url)))
        first = yield Round(pl.DataFrame(asked, PAGES, orient="row"), self.request)
        found = {
            identity: self._first_checks(pages[identity], completion, finish)
            for identity, completion, finish in first.select(
                "id", "completion", "finish"
            ).iter_rows()
        }
        due = [key for key, each in found.items() if each.reason is None and pages[key].again]
        if due:
            rows = [(f"again:{key}", _messages(pages[key].again)) for key in due]
            again = self.request.model_copy(update={"seed": self.request.seed + 1})
            second = yield Round(pl.DataFrame(rows, PAGES, orient="row"), again)
            texts = dict(second.select("id", "completion").iter_rows())
            for key in due:
                found[key] = self._compared(found[key], texts.get(f"again:{key}"))
        self._join(pages, found, collector)
        return collector.tables()

    def _shown(self, collector: Collector) -> Iterator[tuple[Page, str]]:
        """The pages of all files, each with its image; what cannot be shown is rejected."""
        files = _source(self.paths).list_files("pdf", ".")
        drawn = sorted(files, key=lambda file: draws.place(file.name, self.seed))[: self.documents]
        for file in sorted(drawn, key=lambda file: file.name):
            if file.bytes > LARGEST_FILE:
                collector.reject(file.name, "too_large", f"{file.bytes:,} bytes")
                continue
            pdf = pdf_file.opened(file)
            if isinstance(pdf, Rejection):
                collector.reject(file.name, pdf.reason, pdf.detail)
                continue
            try:
                yield from self._pages(file, pdf, collector)
            finally:
                pdf.close()

    def _pages(
        self, file: SourceFile, pdf: "PdfDocument", collector: Collector
    ) -> Iterator[tuple[Page, str]]:
        from pypdfium2 import PdfiumError

        if len(pdf) > self.pages:
            collector.reject(file.name, "too_many_pages", f"{len(pdf):,} pages")
            return
        for number in range(len(pdf)):
            place = f"{file.name}:{number + 1}"
            try:
                layer = pdf_file.text_layer(pdf, number)
                shown = _url(pdf_file.image(pdf, number, self.pixels))
                scanned = len(page_markdown.words(layer)) < LAYER_WORDS
                smaller = round(SMALLER * self.pixels)
                again = _url(pdf_file.image(pdf, number, smaller)) if scanned else ""
            except PdfiumError as error:
                collector.reject(place, "unreadable_page", str(error))
                continue
            yield Page(place, file.name, number, len(pdf), layer, again), shown

    def _first_checks(self, page: Page, completion: str, finish: str) -> Parsed:
        """An answer by itself and against the text layer."""
        text = unfenced(completion)
        shape = form(text, page.layer)
        agrees = agreement(plain(text), page.layer) if not page.again else Agreement(0, 0)
        checks: dict[Reason, bool] = {
            "empty": not text,
            "unfinished": finish == "length",
            "remark": fidelity.remark(text),
            "loop": loops.loops(text),
            "broken_table": shape.broken_tables > 0,
            "unbalanced_formula": not shape.balanced,
            "differs_from_text_layer": not page.again and not self._agree(agrees),
        }
        reason = next((reason for reason, holds in checks.items() if holds), None)
        return Parsed(text, reason, agrees, shape)

    def _compared(self, parsed: Parsed, completion: str | None) -> Parsed:
        """A reading against the second one of the same page."""
        if completion is None:
            return parsed._replace(reason="no_second_reading")
        agrees = agreement(plain(parsed.text), plain(unfenced(completion)))
        reason: Reason | None = None if self._agree(agrees) else "readings_differ"
        return parsed._replace(agrees=agrees, reason=reason)

    def _agree(self, found: Agreement) -> bool:
        return found.words >= self.agreement and found.pairs >= self.order

    def _join(
        self, pages: Mapping[str, Page], found: Mapping[str, Parsed], collector: Collector
    ) -> None:
        """Make a document of neighbouring pages that were accepted."""
        run: list[Page] = []
        for page in pages.values():
            parsed = found.get(page.id)  # what failed is the frame's affair
            if run and (page.file, page.number - 1) != (run[-1].file, run[-1].number):
                self._accept(run, found, collector)
                run = []
            if parsed is None:
                continue
            if parsed.reason is not None:
                collector.reject(page.id, parsed.reason, parsed.text)
                continue
            run.append(page)
        if run:
            self._accept(run, found, collector)

    def _accept(
        self, run: Sequence[Page], found: Mapping[str, Parsed], collector: Collector
    ) -> None:
        parsed = [found[page.id] for page in run]
        text = page_markdown.joined([each.text for each in parsed])
        first, last = run[0], run[-1]
        collector.accept(
            [page.id for page in run] + [f"again:{page.id}" for page in run if page.again],
            text,
            seeds=[Seed(name=page.id) for page in run],
            shown=[
                FieldShown("Markdown", text, generated=True),
                FieldShown("Text layer", "\n\n".join(page.layer for page in run), generated=False),
            ],
            format="markdown",
            scores={
                "words": round(min(each.agrees.words for each in parsed), 4),
                "pairs": round(min(each.agrees.pairs for each in parsed), 4),
            },
            metadata={
                "file": first.file,
                "pages": {"first": first.number + 1, "last": last.number + 1, "of": first.pages},
                "read_twice": sum(bool(page.again) for page in run),
                "tables": sum(each.form.tables for each in parsed),
                "formulas": sum(each.form.formulas for each in parsed),
            },
        )


def _source(paths: Sequence[str]) -> Any:
    """The files as collection finds them."""
    section = {"reader": "pdf", "paths": list(paths), "domain": "pdf", "kind": "prose"}
    return TypeAdapter(Source).validate_python(section)


def _url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _messages(url: str) -> list[dict[str, Any]]:
    shown = {"type": "image_url", "text": None, "image_url": {"url": url}}
    asked = {"type": "text", "text": PROMPT, "image_url": None}
    return [{"role": "user", "content": [shown, asked]}]
