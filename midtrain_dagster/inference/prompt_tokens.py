"""A prompt's tokens, the same for every engine that has the tokenizer at hand."""

from pathlib import Path

from midtrain_dagster.inference.engine import GenerationError, Prompt, shows_images
from midtrain_dagster.tokens import chat_tokens
from midtrain_dagster.tokens.chat_template import ChatTemplateError
from midtrain_dagster.tokens.chat_tokens import ChatEncoder

VERSION = 1
USES = (chat_tokens,)


def prompt_tokens(encoder: ChatEncoder, prompt: Prompt, folder: Path) -> list[int]:
    """A text as it stands, or messages through the chat template of the model in the folder.

    Raises :class:`GenerationError` where the template refuses the messages, and for images.
    """
    if isinstance(prompt, str):
        return encoder.text(prompt)
    if shows_images(prompt):
        raise GenerationError(f"{folder}: a local model is shown no images here: ask an endpoint")
    try:
        return encoder.prompt({"messages": prompt})
    except ChatTemplateError as error:
        raise GenerationError(f"{folder}: {error}") from error
