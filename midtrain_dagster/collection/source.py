"""What a recipe may say about a source: one section a reader, told apart by the field ``reader``.

A source is a set of files and the way to read documents out of them. The sections hold no code
and import nothing heavy, so that a recipe is checked in milliseconds.

``paths`` are glob patterns (``*``, ``?``, ``[...]``, ``**`` for any depth of folders), folders, or
files. Relative ones are relative to the recipe's folder; ``s3://``, ``gs://`` and ``abfs://`` go
through ``pyarrow.fs``. A folder stands for all files below it that have the reader's suffixes.

``preset: NAME`` fills in what a published data set needs (``presets.py``); any field may be said
besides, and what is said wins.
"""

import string
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from midtrain_dagster.collection.presets import expanded
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import Kind


class Repair(FrozenModel):
    """Steps of repair (``repair.py``). Without them text is what the reader found."""

    mojibake: bool = Field(False, description="Decode again what was decoded wrongly, by ftfy")
    invisible: bool = Field(
        False, description="Remove control and zero-width characters and soft hyphens"
    )
    normalise: Literal["NFC", "NFKC"] | None = Field(None, description="Unicode normalisation form")


class Boilerplate(FrozenModel):
    """Which lines of a site's pages are boilerplate (``boilerplate.py``)."""

    share: float = Field(0.5, gt=0, lt=1, description="Lines of more than this share of pages go")
    minimum_pages: int = Field(10, gt=1, description="Hosts of fewer pages are left alone")
    lines: int = Field(5, gt=0, description="How many lines at the top, and at the bottom, count")


class Block(FrozenModel):
    """Block lists of URLs (``block_list.py``), each a file of one entry a line.

    Files may be ``.gz`` or ``.zst``; ``#`` starts a comment; relative paths start in the recipe's
    folder. What they hold is a cause of the documents, and where they lie is not.
    """

    domains: str | list[str] | None = Field(
        None, description="A file of domains, or the domains; each blocks its subdomains too"
    )
    urls: str | None = Field(None, description="A file of whole URLs")
    words: str | None = Field(None, description="A file of words that block the URL they stand in")

    @model_validator(mode="after")
    def _a_list(self) -> Self:
        if not (self.domains or self.urls or self.words):
            raise ValueError("name a list: `domains`, `urls` or `words`")
        return self

    @property
    def paths(self) -> dict[str, str]:
        """The lists that lie in files."""
        lists = {"domains": self.domains, "urls": self.urls, "words": self.words}
        return {name: path for name, path in lists.items() if isinstance(path, str)}

    @property
    def in_files(self) -> dict[str, str]:
        """Which lists lie in files, without where."""
        return dict.fromkeys(self.paths, "a file")

    @property
    def listed_domains(self) -> list[str]:
        """The domains that stand in the recipe itself."""
        return self.domains if isinstance(self.domains, list) else []


class DocumentSource(FrozenModel):
    """What every source declares of its documents."""

    domain: str = Field(min_length=1, description="What the mixture weighs: web, code, qa, ...")
    kind: Kind = Field(description="Which curation policy applies")
    language: str | None = Field(None, description="ISO 639 code, when the source is in one")
    take: int | None = Field(
        None, gt=0, description="At most so many documents: those of the smallest ids"
    )
    licence: str | None = Field(None, description="SPDX expression, copied to the metadata")
    answers: Literal["answer_only", "short_cot", "long_cot", "reflective"] | None = Field(
        None, description="What kind of QA it is, copied to the metadata"
    )
    repair: Repair | None = Field(None, description="What of the text is repaired")

    @model_validator(mode="after")
    def _no_change_of_meaning(self) -> Self:
        folds = self.repair is not None and self.repair.normalise == "NFKC"
        if folds and self.kind in ("code", "mathematics"):
            raise ValueError(
                f"NFKC changes what {self.kind} means: x\u00b2 becomes x2; normalise to NFC or not"
            )
        return self

    @property
    def cause(self) -> dict[str, Any]:
        """What of the section decides the documents, given the files: all of it but the paths."""
        return self.model_dump(mode="json", exclude={"paths": True, "pages": {"paths"}})


class FileSource(DocumentSource):
    """A source that lies in files the recipe names."""

    paths: list[str] = Field(min_length=1, description="Glob patterns, folders, files or URIs")

    @field_validator("paths")
    @classmethod
    def _no_empty_path(cls, paths: list[str]) -> list[str]:
        if not all(path.strip() for path in paths):
            raise ValueError("a path is empty")
        return paths


class PageSource(FileSource):
    """A source of pages, which may carry boilerplate."""

    boilerplate: Boilerplate | None = Field(
        None, description="Remove lines that recur on the pages of a host, or of the source"
    )


class UrlSource(PageSource):
    """A source whose documents may have a URL."""

    block: Block | None = Field(None, description="Documents refused by their URL")

    @property
    def cause(self) -> dict[str, Any]:
        """As of any source; of block lists in files, only that there are some."""
        if self.block is None:
            return super().cause
        return {**super().cause, "block": {**self.block.model_dump(), **self.block.in_files}}


class RowSource(UrlSource):
    """A source of rows or objects; a block list needs the URL in ``url`` or among ``keep``."""

    keep: list[str] = Field([], description="Columns or keys copied to the metadata")
    url: str | None = Field(None, description="Which of them becomes the metadata's `url`")
    date: str | None = Field(None, description="Which of them becomes the metadata's `date`")

    @property
    def kept(self) -> dict[str, str]:
        """The names in the metadata, and which key or column each is."""
        kept = {name: name for name in self.keep}
        renamed = {"url": self.url, "date": self.date}
        return kept | {name: key for name, key in renamed.items() if key}

    @model_validator(mode="after")
    def _a_url_to_block(self) -> Self:
        if self.block is not None and "url" not in self.kept:
            raise ValueError("to block by URL, say in `url` which column or key holds it")
        return self


class ParquetSource(RowSource):
    """Parquet files, one document a row."""

    reader: Literal["parquet"]
    text: str = Field("text", description="The column that holds the text")


class JsonLinesSource(RowSource):
    """JSON Lines (plain, ``.gz`` or ``.zst``), one document a line.

    Keys may lead into objects: ``meta.url``. The text is the value of one key, or a ``template``
    of several: ``"Question: {question}\\nAnswer: {answer}"``.
    """

    reader: Literal["json_lines"]
    text: str = Field("text", description="The key that holds the text")
    template: str | None = Field(None, description="Text made of several keys, in place of `text`")

    @model_validator(mode="after")
    def _a_plain_template(self) -> Self:
        if self.template is None:
            return self
        if "text" in self.model_fields_set:
            raise ValueError("give either `text` or `template`, not both")
        for _, key, specification, conversion in string.Formatter().parse(self.template):
            if specification or conversion or (key is not None and set(key) & set(".[]")):
                raise ValueError("a template holds only keys in braces, such as {question}")
            if key == "":
                raise ValueError("a pair of braces in the template holds no key")
        if not self.template_keys:
            raise ValueError("the template holds no key")
        return self

    @property
    def template_keys(self) -> list[str]:
        """The keys that the template holds, in order."""
        parts = string.Formatter().parse(self.template or "")
        return [key for _, key, _, _ in parts if key is not None]


class WarcSource(UrlSource):
    """WARC files (plain or ``.gz``): the text of each HTML response, by Trafilatura."""

    reader: Literal["warc"]


class WetSource(UrlSource):
    """WET files (plain or ``.gz``): the text that Common Crawl has extracted itself."""

    reader: Literal["wet"]


class StackExchangeSource(FileSource):
    """``Posts.xml`` of a Stack Exchange site's dump: each question with its best answer."""

    reader: Literal["stack_exchange"]


class HtmlSource(PageSource):
    """HTML files, one document a file: its text, by Trafilatura."""

    reader: Literal["html"]


class TextSource(PageSource):
    """Files of plain text, Markdown or source code, one document a file, as it stands."""

    reader: Literal["text"]


class PdfSource(PageSource):
    """PDF files, one document a file: its text layer; ``boilerplate`` is of a file's own pages."""

    reader: Literal["pdf"]


class ManualPageSource(FileSource):
    """Manual pages in roff (man or mdoc), plain or compressed, one document a file."""

    reader: Literal["manual_page"]


class PythonInstallationSource(DocumentSource):
    """What the running Python already has installed: a corpus that needs no download."""

    reader: Literal["python_installation"]
    harvest: Literal["code", "documentation", "mathematics"]
    distributions: list[str] = Field(
        [],
        description="Distribution names, `stdlib` for the standard library. Empty: all installed "
        "(documentation), stdlib (code), sympy and mpmath (mathematics)",
    )


class PlantedSource(DocumentSource):
    """Pages with benchmark items planted in them, to measure the recall of decontamination."""

    reader: Literal["planted"]
    pages: JsonLinesSource
    benchmarks: list[str] = Field(min_length=1, description="Whose items are planted")
    items: int = Field(20, gt=0, description="Items a benchmark, one a page")
    seed: int = 0

    @field_validator("pages")
    @classmethod
    def _only_pages(cls, pages: JsonLinesSource) -> JsonLinesSource:
        said = {"take", "language", "licence"} & pages.model_fields_set
        if said:
            raise ValueError(
                f"say {', '.join(sorted(said))} of the planted source, not of its pages"
            )
        if pages.repair or pages.boilerplate or pages.block:
            raise ValueError("the pages of a planted source are taken as they are")
        return pages

    @field_validator("repair")
    @classmethod
    def _places_must_hold(cls, repair: Repair | None) -> Repair | None:
        if repair is not None:
            raise ValueError("planted items are found again by their bytes; repair would move them")
        return repair


Source = Annotated[
    ParquetSource
    | JsonLinesSource
    | WarcSource
    | WetSource
    | StackExchangeSource
    | HtmlSource
    | TextSource
    | PdfSource
    | ManualPageSource
    | PythonInstallationSource
    | PlantedSource,
    Field(discriminator="reader"),
    BeforeValidator(expanded),
]
"""A source as a recipe writes it, ``preset: NAME`` included; what is validated is written out."""
