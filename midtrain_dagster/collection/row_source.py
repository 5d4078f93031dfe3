"""Sources of rows or objects: a text or a conversation each, and what goes to the metadata."""

from types import ModuleType
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from midtrain_dagster.collection import messages as conversations
from midtrain_dagster.collection.messages import Messages
from midtrain_dagster.collection.page_source import UrlSource
from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.problems import Location
from midtrain_dagster.tokens.transcript import LAYOUT

CONVERSATIONAL = ("instruction", "agent")
"""The kinds of documents that are conversations."""


def _one_key(value: Any) -> Any:
    return {"turns": value} if isinstance(value, str) else value


_ONE_KEY = BeforeValidator(_one_key, json_schema_input_type=str | Messages | None)


class RowSource(UrlSource):
    """A source of rows or objects; a block list needs the URL in ``url`` or among ``keep``."""

    numbered: ClassVar[bool] = True

    messages: Annotated[Messages | None, _ONE_KEY, CAUSE_IF_SET] = Field(
        None,
        description="A conversation in place of a text: the column or key of a list of messages, "
        "or a section. Of the kinds `instruction` and `agent` it is `messages`, where no `text` "
        "is said",
    )
    keep: list[str] = Field([], description="Columns or keys copied to the metadata")
    url: str | None = Field(None, description="Which of them becomes the metadata's `url`")
    date: str | None = Field(None, description="Which of them becomes the metadata's `date`")

    @property
    def kept(self) -> dict[str, str]:
        """The names in the metadata, and which key or column each is."""
        kept = {name: name for name in self.keep}
        renamed = {"url": self.url, "date": self.date}
        return kept | {name: key for name, key in renamed.items() if key}

    @property
    def columns(self) -> list[tuple[Location, str]]:
        """The columns or keys that the section names, those that the text is made of first."""
        template = getattr(self, "template_keys", ())
        said: list[tuple[Location, Any]] = [(("url",), self.url), (("date",), self.date)]
        if self.messages is not None:
            said = [(("messages", name), key) for name, key in self.messages] + said
        elif not template:
            said = [(("text",), getattr(self, "text", None)), *said]
        return [
            *((("template",), key) for key in template),
            *((place, key) for place, key in said if isinstance(key, str)),
            *((("keep", number), key) for number, key in enumerate(self.keep)),
        ]

    @property
    def has_conversations(self) -> bool:
        """Whether its documents are conversations."""
        return self.messages is not None

    def uses(self) -> list[ModuleType]:
        """The reading of conversations too, if there are some."""
        return [*super().uses(), *([conversations] if self.messages else [])]

    @model_validator(mode="before")
    @classmethod
    def _messages_by_kind(cls, data: Any) -> Any:
        """A source of the kinds that are conversations has messages, unless it names a text."""
        said = isinstance(data, dict) and {"messages", "text", "template"} & data.keys()
        if said or not isinstance(data, dict) or data.get("kind") not in CONVERSATIONAL:
            return data
        return {**data, "messages": "messages"}

    @model_validator(mode="after")
    def _a_conversation_is_no_page(self) -> Self:
        if self.messages is None:
            return self
        fields = [name for name in ("text", "template") if name in self.model_fields_set]
        if fields:
            raise ValueError(f"give either `messages` or `{fields[0]}`, not both")
        if self.format is not None:
            raise ValueError("the format of `messages` is that of a transcript; say no other")
        if self.boilerplate is not None:
            raise ValueError("boilerplate is removed from pages; `messages` are none")
        if LAYOUT in self.kept:
            raise ValueError(
                f"the metadata's `{LAYOUT}` says where the messages stand in the text: "
                f"do not `keep` a column of that name beside them"
            )
        return self

    @model_validator(mode="after")
    def _a_url_to_block(self) -> Self:
        if self.block is not None and "url" not in self.kept:
            raise ValueError("to block by URL, say in `url` which column or key holds it")
        return self
