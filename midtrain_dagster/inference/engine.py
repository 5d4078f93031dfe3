"""What every engine of text generation offers: a section of the recipe, and a generator.

An engine is one file in ``engines/``: its ``Config``, which has the members of :class:`Engine`, its
``VERSION``, and the generator that it opens. ``generator.py`` lists the members of the family.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from midtrain_dagster.core.findings import Finding

Message = dict[str, Any]
"""A message of a chat: ``role`` and ``content``, a text or, where something is shown, OpenAI's
parts of one: ``{"type": "text", "text": ..}`` and ``{"type": "image_url", "image_url": {"url":
..}}`` with a data URL. Parts may have other keys without a value, as tables fill them in."""

Prompt = str | list[Message]
"""A text, which a local model continues as it stands and an endpoint gets as the user's message; or
the messages of a chat."""


def without_nulls(value: Any) -> Any:
    """Messages without the keys that have no value."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def shows_images(prompt: Prompt) -> bool:
    """Whether a prompt is more than text, which only an endpoint can read."""
    return not isinstance(prompt, str) and any(
        isinstance(message.get("content"), list) for message in prompt
    )


FindPath = Callable[[str], str]
"""From a path as the recipe has it to one that can be opened: ``Recipe.path``."""


class GenerationError(RuntimeError):
    """A generator cannot answer; the message says which one, why, and what to do."""

    answered: Sequence["Completion | None"] = ()
    """What it did answer of the prompts that it was asked then, in their order; None: nothing."""


class RefusedError(GenerationError):
    """A generator will not answer this request, however often it is asked."""


class BudgetError(RefusedError):
    """As much was asked as the recipe allows; what was answered is kept."""


Finish = Literal["stop", "length", "other"]
"""How a completion ended: by itself or at a stop string, at the most tokens, in another way."""

Fault = Literal["prompt_too_long", "refused", "no_completion", "failed", "over_budget"]
"""What became of a request that has no completion: it does not fit into the model's context; the
endpoint will not answer it; it answered with something else; it failed each time; it was not asked
because the budget is spent."""

OVER_BUDGET: Fault = "over_budget"

LASTING: tuple[Fault, ...] = ("prompt_too_long", "refused")
"""Faults that asking again does not mend."""


class Completion(NamedTuple):
    """What became of one prompt."""

    text: str
    """Without the stop string that ended it; empty where there is a fault."""
    finish: Finish = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    """Tokens read and written, as the engine counts them; 0 where it does not say."""
    fault: Fault | None = None
    detail: str = ""
    """What is known of the fault."""


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
        schema: str | None = None,
    ) -> list[Completion]:
        """One completion a prompt, in order; a prompt that has none says why.

        ``schema`` is the JSON schema that completions are to follow. An engine that cannot hold a
        model to one leaves it to the prompt, so what asks parses with the same care.

        Raises :class:`GenerationError` for what concerns every prompt.
        """
        ...


@runtime_checkable
class StreamingGenerator(Protocol):
    """A generator that takes all prompts at once, since starting it costs much."""

    def stream(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        schema: str | None = None,
    ) -> Iterator[Completion]:
        """As :meth:`TextGenerator.generate`, each completion as soon as it is there."""
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
    def has_actors(self) -> bool:
        """Whether it starts Ray actors of its own, and is asked from this process: its generator is
        a :class:`StreamingGenerator`."""
        ...

    @property
    def prompts_at_once(self) -> int:
        """How many prompts are generated together."""
        ...

    @property
    def prices(self) -> tuple[float | None, float | None]:
        """Of a million tokens read, and of a million written; none: nobody counts them."""
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
