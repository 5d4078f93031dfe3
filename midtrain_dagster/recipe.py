"""A recipe: the whole run as one document, and what must hold between its sections.

Each section is a model owned by the room that it configures; here they are put together and
checked against each other, so that a mistake is found when the recipe is loaded and not hours
into a run. The graph is built from the validated recipe.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from midtrain_dagster.collection.source import PlantedSource, Source
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.curation.duplicates.clusters import DuplicatePolicy
from midtrain_dagster.curation.personal_data.spans import PersonalData
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.raters.config import RaterConfig, mistakes
from midtrain_dagster.curation.repeated_text import RepeatedText
from midtrain_dagster.curation.sampling import Sampling
from midtrain_dagster.decontamination.scan import ContaminationConfig
from midtrain_dagster.evaluation.benchmark import Benchmark, BenchmarkError, validate_names
from midtrain_dagster.evaluation.settings import Checks, EvaluationSettings
from midtrain_dagster.synthesis.question_answer import SynthesisConfig
from midtrain_dagster.tokens.tokenizer import TokenizerConfig
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.checkpoints.average import mistakes as soup_mistakes
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import RANDOM, ModelConfig, Stage
from midtrain_dagster.training.transition.problems import mistakes as transition_mistakes

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
"""Names become parts of asset keys: words of small letters and digits, joined by one underscore."""

RESERVED_STAGES = frozenset(
    (
        RANDOM,
        *("documents", "language", "signals", "ratings", "signatures", "personal_data"),
        *("duplicate_edges", "duplicate_clusters", "repeated_text", "sample", "distributions"),
        *("benchmark_items", "contamination", "eligibility", "curated_documents"),
        *("synthetic_documents", "tokenizer", "token_shards"),
        *("held_out_losses", "evaluation", "report"),
    )
)
"""Names that a stage cannot have: it becomes an asset beside these."""

Location = tuple[str | int, ...]
"""The way to a field: keys, and numbers of list items."""

Mistake = tuple[Location, str]
"""Where in the recipe, and what is wrong there."""


class DisagreementError(ValueError):
    """Sections that do not fit together; ``mistakes`` are all that were found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        told = (f"{'.'.join(map(str, field))}: {reason}" for field, reason in self.mistakes)
        super().__init__("; ".join(told))


class Base(FrozenModel):
    """Where mid-training starts: a Hugging Face folder or hub id, or a model trained in the graph.

    With ``model``, the recipe has a stage ``base`` that starts from ``random`` and stands for
    pre-training. With ``checkpoint``, stages start from ``base`` and that is the checkpoint.
    """

    checkpoint: str | None = None
    model: ModelConfig | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.checkpoint is None) == (self.model is None):
            raise ValueError("give either 'checkpoint' (a folder or hub id) or 'model', not both")
        return self


class Collection(FrozenModel):
    """How sources become parts: bytes of input per part, and the longest document taken."""

    part_bytes: int = Field(default=8 * 2**20, gt=0)
    max_document_bytes: int = Field(default=5 * 2**20, gt=0)


class Recipe(FrozenModel):
    """A run of mid-training, from sources to report."""

    name: Name
    folder: str = Field(description="Where the recipe lies; relative paths start there")
    text: str = Field(description="The document itself, as it was read")
    description: str = ""
    seed: int = 42
    base: Base
    tokenizer: TokenizerConfig
    collection: Collection = Collection()
    sources: dict[Name, Source] = Field(min_length=1)
    language_model: str = Field(description="A fastText language identifier, lid.176.ftz or .bin")
    curation: CurationPolicy = CurationPolicy()
    duplicates: DuplicatePolicy = DuplicatePolicy()
    raters: dict[Name, RaterConfig] = Field(min_length=1)
    personal_data: PersonalData | None = None
    repeated_text: RepeatedText | None = None
    sampling: Sampling | None = None
    benchmarks: dict[str, Benchmark] = Field(min_length=1)
    decontamination: ContaminationConfig = ContaminationConfig()
    synthesis: SynthesisConfig | None = None
    held_out: float = Field(default=0.05, gt=0, lt=0.5)
    stages: dict[Name, Stage] = Field(min_length=1)
    soups: dict[Name, Soup] = Field(default_factory=dict)
    evaluation: EvaluationSettings
    checks: Checks = Checks()
    scale: Scale = Scale()

    def path(self, relative: str) -> str:
        """A path of the recipe as it is to be opened: URIs as they are, others from its folder."""
        return relative if "://" in relative else str(Path(self.folder) / relative)

    def folder_or_hub(self, named: str) -> str:
        """A folder of the recipe if there is one of that name, else the name: a hub id."""
        path = self.path(named)
        return path if Path(path).is_dir() else named

    def stage(self, name: str) -> Stage:
        """A stage at the recipe's scale."""
        return scaled_stage(self.stages[name], self.scale)

    def control(self, name: str) -> Stage | None:
        """The control of a stage: the same with the fields of ``control`` changed."""
        stage = self.stages[name]
        return (
            scaled_stage(stage.control_stage(), self.scale) if stage.control is not None else None
        )

    def runs(self) -> Iterator[tuple[str, Stage, str]]:
        """Every training run: name of its checkpoint, its stage, the checkpoint it starts from."""
        for name in self.stages:
            runs = self.stage(name).seed_runs(name)
            control = self.control(name)
            if control is not None:
                runs[f"{name}_control"] = control.seed_runs(name)[name]
            for run, stage in runs.items():
                yield run, stage, stage.start

    def checkpoints(self) -> list[str]:
        """Every checkpoint of the graph, the base first, each soup after its last ingredient."""
        names = ["base"] if self.base.checkpoint else []
        for name, stage in self.stages.items():
            names += stage.seed_runs(name)
            names += [] if stage.control is None else [f"{name}_control"]
            names += [
                soup
                for soup in self.soups
                if soup not in names and self.ingredients(soup).keys() <= set(names)
            ]
        return names

    def ingredients(self, soup: str) -> dict[str, float]:
        """The checkpoints that a soup is made of, each with its share."""
        of = self.soups[soup].of
        seeds = self.stages[of].seed_runs(of) if isinstance(of, str) else {}
        return self.soups[soup].shares(list(seeds))

    @property
    def domains(self) -> set[str]:
        """The domains that sources and synthesis feed."""
        domains = {source.domain for source in self.sources.values()}
        return domains | ({self.synthesis.domain} if self.synthesis else set())

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        mistakes = [
            *self._benchmark_mistakes(),
            *self._source_mistakes(),
            *self._rating_mistakes(),
            *self._stage_mistakes(),
            *self._transition_mistakes(),
            *self._soup_mistakes(),
            *self._mixture_mistakes(),
            *self._scale_mistakes(),
        ]
        if mistakes:
            raise DisagreementError(mistakes)
        return self

    def _benchmark_mistakes(self) -> Iterator[Mistake]:
        for name in self.benchmarks:
            try:
                validate_names([name])
            except BenchmarkError as error:
                yield ("benchmarks", name), str(error)

    def _source_mistakes(self) -> Iterator[Mistake]:
        for name, source in self.sources.items():
            if isinstance(source, PlantedSource):
                for number, benchmark in enumerate(source.benchmarks):
                    if benchmark not in self.benchmarks:
                        place: Location = ("sources", name, "benchmarks", number)
                        yield place, f"no benchmark {benchmark!r} is declared"
        for name in self.curation.removal_ceilings:
            if name not in self.sources:
                field = ("curation", "removal_ceilings", name)
                yield field, f"no source {name!r} is declared"
        if self.synthesis:
            fed = {source.domain for source in self.sources.values()}
            for number, domain in enumerate(self.synthesis.domains):
                if domain not in fed:
                    yield ("synthesis", "domains", number), _unfed(domain, fed)

    def _rating_mistakes(self) -> Iterator[Mistake]:
        """Raters, and who asks for a rating."""
        for place, reason in mistakes(self.raters, set(self.sources)):
            yield ("raters", *place), reason
        asked: list[tuple[Location, str]] = [
            (("curation", kind, "minimum_ratings", rater), rater)
            for kind in CurationPolicy.kinds()
            for rater in self.curation.of(kind).minimum_ratings
        ]
        if self.duplicates.keep == "best_rated":
            asked.append((("duplicates", "rated_by"), self.duplicates.rated_by))
        for domain, wanted in self.sampling.domains.items() if self.sampling else ():
            place = ("sampling", "domains", domain)
            if domain not in self.domains:
                yield place, _unfed(domain, self.domains)
            if wanted.by is not None:
                asked.append(((*place, "by"), wanted.by))
        for place, rater in asked:
            if rater not in self.raters:
                yield place, f"no rater {rater!r} is declared ({', '.join(self.raters)})"

    def _stage_mistakes(self) -> Iterator[Mistake]:
        if self.base.model and ("base" not in self.stages or self.stages["base"].start != RANDOM):
            reason = "a base trained in the graph needs a stage 'base' with start: random"
            yield ("stages", "base"), reason
        if self.tokenizer.path == "base" and self.base.checkpoint is None:
            reason = "'base' is the base checkpoint's tokenizer, but this base is trained here"
            yield ("tokenizer", "path"), reason
        known = ["base"] if self.base.checkpoint else [RANDOM]
        for name, stage in self.stages.items():
            field = ("stages", name)
            if (
                name in RESERVED_STAGES
                or name in known
                or name.removesuffix("_rater") in self.raters
            ):
                yield field, "this name is taken: by another asset, or by what stages start from"
            if stage.control is not None and f"{name}_control" in self.stages:
                yield (
                    ("stages", f"{name}_control"),
                    f"this name is taken by the control of {name!r}",
                )
            for run in stage.seed_runs(name):
                if run != name and run in self.stages:
                    yield ("stages", run), f"this name is taken by a seed of {name!r}"
            if stage.start not in known and stage.start not in self.soups:
                reason = f"{stage.start!r} is no stage before it ({', '.join(known)})"
                yield (*field, "start"), reason
            known.append(name)
            control = stage.control_stage() if stage.control is not None else stage
            shorter = control.sequence_length < stage.sequence_length
            if shorter and self.evaluation.length <= control.sequence_length:
                reason = (
                    f"{self.evaluation.length} does not reach beyond the {control.sequence_length} "
                    f"of the control of {name!r}, where the two are compared"
                )
                yield ("evaluation", "length"), reason

    def _transition_mistakes(self) -> Iterator[Mistake]:
        soups = {
            name: self.ingredients(name)
            for name, soup in self.soups.items()
            if not isinstance(soup.of, str) or soup.of in self.stages
        }
        for place, reason in transition_mistakes(self.stages, soups, seed=self.seed):
            yield ("stages", *place), reason

    def _soup_mistakes(self) -> Iterator[Mistake]:
        known = ["base"] if self.base.checkpoint else []
        for name, stage in self.stages.items():
            known += stage.seed_runs(name)
            known += [] if stage.control is None else [f"{name}_control"]
        wrong = list(soup_mistakes(self.soups, self.stages, known))
        yield from ((("soups", *place), reason) for place, reason in wrong)
        for name in self.soups:
            taken = name in known or name.removesuffix("_rater") in self.raters
            if taken or name in RESERVED_STAGES:
                yield ("soups", name), "this name is taken by another asset"
        order = [] if wrong else self.checkpoints()
        for name, stage in self.stages.items():
            if stage.start in self.soups and order and name in order[: order.index(stage.start)]:
                yield ("stages", name, "start"), f"the soup {stage.start!r} comes after this stage"

    def _mixture_mistakes(self) -> Iterator[Mistake]:
        for name, stage in self.stages.items():
            stages: dict[Location, Stage] = {("stages", name): stage}
            if stage.control is not None and "mixture" in stage.control:
                stages[("stages", name, "control")] = stage.control_stage()
            for field, each in stages.items():
                for domain in each.mixture.domains:
                    if domain not in self.domains:
                        where = (*field, "mixture", "domains", domain)
                        yield where, _unfed(domain, self.domains)
        for side in ("general", "targets"):
            for number, domain in enumerate(getattr(self.evaluation, side)):
                if domain not in self.domains:
                    yield ("evaluation", side, number), _unfed(domain, self.domains)

    def _scale_mistakes(self) -> Iterator[Mistake]:
        for name in self.stages:
            for make in (self.stage, self.control):
                try:
                    make(name)
                except ValidationError as error:
                    yield ("scale",), f"stage {name!r}: {error.errors()[0]['msg']}"


def _unfed(domain: str, fed: set[str]) -> str:
    return f"no source feeds {domain!r} (fed: {', '.join(sorted(fed))})"
