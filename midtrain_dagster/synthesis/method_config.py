"""What every method's section of a recipe has; and of those that ask a generator, how."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import GeneratorConfig, MethodGenerator, Request
from midtrain_dagster.synthesis.judge import Judge
from midtrain_dagster.tokens.transcript import Conversation


class SectionConfig(FrozenModel):
    """What a section has whether it asks a model or not."""

    CONVERSATIONS: ClassVar[Sequence[Conversation]] = ()
    """Conversations such as it writes, which the chat template is tried on before a run; none: it
    writes plain text."""

    seed: Seed = 0
    """Of the draw of documents, and of the generator."""
    failed_share: Annotated[float, NOT_A_CAUSE] = Field(
        default=0.1, ge=0, le=1, description="requests that may fail before a run is stopped"
    )
    draw: Annotated[Literal["evenly", "towards_unknown"], CAUSE_IF_SET] = Field(
        default="evenly",
        description="how documents are drawn: all alike, or more of the topics of which the probe "
        "found that little is known",
    )
    judged: Annotated[Judge | None, CAUSE_IF_SET] = None
    """Who scores what was accepted, as the last round; null: nobody does."""

    @property
    def also_asked(self) -> Mapping[str, GeneratorConfig]:
        """Further models that it asks itself, by what they do; none."""
        return {}

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What the judge's generator lacks on this machine."""
        if self.judged is not None:
            judge = self.judged.generator.findings(find)
            yield from (each.below("judged", "generator") for each in judge)

    def given(self, find: FindPath) -> dict[str, Any]:
        """What it is made of beside documents and answers, as a cause: digests of files."""
        return {}

    def located(self, find: FindPath) -> Self:
        """The same with paths that can be opened, for what reads files of its own."""
        return self


class MethodConfig(SectionConfig):
    """A generator, and how it is asked."""

    max_new_tokens: int = Field(default=40, gt=0, description="tokens of a completion, at most")
    generator: MethodGenerator
    """The model that is asked."""

    @property
    def request(self) -> Request:
        """How the generator is asked."""
        return Request(generator=self.generator, max_new_tokens=self.max_new_tokens, seed=self.seed)

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What the generator lacks on this machine, and the judge's."""
        yield from (each.below("generator") for each in self.generator.findings(find))
        yield from super().findings(find)
