"""What every engine of text generation offers: a section of the recipe, and a generator.

An engine is one file in ``engines/``: its ``Config``, which has the members of :class:`Engine`, its
``VERSION``, and the generator that it opens. ``generator.py`` lists the members of the family.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from midtrain_dagster.core.findings import Finding

Message = dict[str, str]
"""A message of a chat: ``role`` and ``content``."""

Prompt = str | list[Message]
"""A text, which a local model continues as it stands and an endpoint gets as the user's message; or
the messages of a chat."""

FindPath = Callable[[str], str]
"""From a path as the recipe has it to one that can be opened: ``Recipe.path``."""


class GenerationError(RuntimeError):
    """A generator cannot answer; the message says which one, why, and what to do."""


class RefusedError(GenerationError):
    """A generator will not answer this request, however often it is asked."""


class TextGenerator(Protocol):
    """A generator that is ready to complete prompts."""

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """One completion a prompt, in order, without the stop string that ended it.

        Raises :class:`GenerationError`.
        """
        ...


class Engine(Protocol):
    """The section of a recipe that names a generator."""

    @property
    def name(self) -> str:
        """The model's name, as it stands in the metadata of what it writes."""
        ...

    @property
    def remote(self) -> bool:
        """Whether another machine generates, which needs no Ray here and may fail for a while."""
        ...

    @property
    def prompts_at_once(self) -> int:
        """How many prompts are generated together."""
        ...

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What the generator lacks on this machine, by the field of its section."""
        ...

    def folder(self, find: FindPath) -> Path | None:
        """Where the model's files lie on this machine; none: elsewhere.

        Raises :class:`GenerationError` if there is no model.
        """
        ...

    def identity(self, find: FindPath) -> Any:
        """What the model is, as a cause of what it writes: digests of its files, or its name.

        Raises :class:`GenerationError` if there is no model.
        """
        ...

    def open(self, folder: str | Path | None, threads: int | None) -> TextGenerator:
        """The generator itself.

        Args:
            folder: where the model's files lie, as ``folder`` found it.
            threads: CPU threads that a local model may take; none: as many as torch takes.
        """
        ...


def before_stop(text: str, stop: Sequence[str]) -> str:
    """A completion up to the first stop string in it."""
    ends = [at for at in (text.find(string) for string in stop) if at >= 0]
    return text[: min(ends)] if ends else text
