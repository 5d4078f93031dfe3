"""Sources of rows or objects: what beside the text goes to the metadata, and under which name."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from midtrain_dagster.collection.page_source import UrlSource


class RowSource(UrlSource):
    """A source of rows or objects; a block list needs the URL in ``url`` or among ``keep``."""

    numbered: ClassVar[bool] = True

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
