"""A recipe: the whole run as one document.

Each section is a model of the room that it configures, and each room says what does not fit
together (``ROOM/problems.py``); here they are only put together, so that a mistake is found when
the recipe is loaded and not hours into a run. The graph is built from the validated recipe.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from midtrain_dagster.collection import problems as collection
from midtrain_dagster.collection.default_data import LANGUAGE_MODEL
from midtrain_dagster.collection.settings import CollectionSettings
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.filesystem import located
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.problems import DisagreementError, Problem, Search, View
from midtrain_dagster.curation import problems as curation
from midtrain_dagster.curation.bands import Bands
from midtrain_dagster.curation.duplicates.config import Duplicates, default_duplicates
from midtrain_dagster.curation.personal_data.spans import PersonalData
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.raters.config import RaterConfig
from midtrain_dagster.curation.repeated_text import RepeatedText
from midtrain_dagster.curation.sampling import Sampling
from midtrain_dagster.curation.signals.word_lists import Entries as WordEntries
from midtrain_dagster.curation.signals.word_lists import read_lists
from midtrain_dagster.curation.takedown import Entries, RemovalEntry, read_entries
from midtrain_dagster.decontamination import problems as decontamination
from midtrain_dagster.decontamination.config import ContaminationMethod, default_method
from midtrain_dagster.decontamination.leaks import HeldOutLeaks
from midtrain_dagster.evaluation import problems as evaluation
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.settings import Checks, EvaluationSection, EvaluationSettings
from midtrain_dagster.experiments.mixtures import MixtureMethod
from midtrain_dagster.experiments.search import problems as search
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.long_context import problems as long_context
from midtrain_dagster.long_context.settings import Gates, LongContext
from midtrain_dagster.mixture import problems as mixture
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.probe import problems as probe
from midtrain_dagster.probe.settings import Probe
from midtrain_dagster.refresh.settings import Refresh
from midtrain_dagster.submission.settings import Cluster
from midtrain_dagster.synthesis import problems as synthesis
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.config import SynthesisMethod
from midtrain_dagster.synthesis.method import Method
from midtrain_dagster.tokens import problems as tokens
from midtrain_dagster.tokens.tokenizer import TokenizerConfig
from midtrain_dagster.training import problems as training
from midtrain_dagster.training import runs
from midtrain_dagster.training.base import Base
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale, distortions
from midtrain_dagster.training.stage_kinds import StageSection

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
"""Names become parts of asset keys: words of small letters and digits, joined by one underscore."""

Owner = Annotated[str, Field(pattern=r"^(team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,63}$")]


READ_WITH = ("folder", "file", "text")
"""The fields of a recipe that no document says: where it was read."""


class Recipe(FrozenModel):
    """A run of mid-training, from sources to report."""

    name: Name
    """What its assets are below; by default the name of its file."""
    folder: str = Field(description="Where the recipe lies; relative paths start there")
    file: str = Field(description="The document's path, as it was given")
    text: str = Field(description="The document itself, as it was read")
    extends: Annotated[tuple[str, ...] | str, NOT_A_CAUSE] = Field(
        (),
        description="Recipes, relative to this one, of which it takes over what it does not say: "
        "sections are merged by name; what stands under a name is replaced, null takes it away",
    )
    description: Annotated[str, NOT_A_CAUSE] = ""
    """A line for people, shown by the command and in the report."""
    owners: Annotated[list[Owner], NOT_A_CAUSE] = Field(
        [], description="Of every asset: `team:NAME` or an e-mail address"
    )
    tags: Annotated[dict[Tag, Tag], NOT_A_CAUSE] = Field(
        {}, description="Of every asset, as Dagster's UI shows and finds"
    )
    seed: Seed = 42
    """Of all that is drawn: what is held out, the order of documents, new weights."""
    base: Base
    """Where mid-training starts: a checkpoint that is given, or a small one trained here."""
    tokenizer: TokenizerConfig = Field(
        TokenizerConfig(path="base"),
        description="Required where the base is trained here; that of a given base otherwise",
    )
    collection: CollectionSettings = CollectionSettings()
    """How sources become parts, and how much of them may be lost."""
    sources: dict[Name, Source] = Field(
        min_length=1, description="Where documents are from and how they are read, by name"
    )
    removed: Annotated[list[RemovalEntry] | str, NOT_A_CAUSE] = Field(
        [],
        description="Documents that are taken out wherever they turn up, by id or URL; or a file "
        "that lists them, one a line",
    )
    language_model: Annotated[str | None, NOT_A_CAUSE] = Field(
        None,
        description="The file of a fastText language identifier, lid.176.ftz or .bin; null: that "
        "of the default data, wherever a kind of document is asked for its language",
    )
    curation: CurationPolicy = CurationPolicy()
    """What is asked of documents, by kind."""
    duplicates: Duplicates = Field(
        default_factory=default_duplicates,
        description="Which documents count as the same: one method, or a list of several",
    )
    raters: dict[Name, RaterConfig] = Field({}, description="Models that rate documents, by name")
    personal_data: PersonalData | None = None
    """Personal data that placeholders take the place of; null: it is not looked for."""
    repeated_text: RepeatedText | None = None
    """Text that is cut where another document keeps it; null: none is."""
    sampling: Sampling | None = None
    """Domains that are brought to a budget of tokens; null: all are taken whole, once."""
    bands: dict[str, Bands] = Field(
        {},
        description="Domains that are cut into bands by rating, `DOMAIN/1`, `DOMAIN/2` and so on, "
        "which mixtures weigh in their place: quality curves, and curricula by a rating",
    )
    benchmarks: dict[str, Benchmark] = Field(
        {},
        description="Items that are searched in the corpus and asked of every checkpoint, by name; "
        "without any, nothing is decontaminated",
    )
    decontamination: ContaminationMethod = default_method()
    """When a document counts as holding a benchmark's item."""
    synthesis: dict[Name, SynthesisMethod] = Field({}, description="Methods, each under its name")
    probe: Probe | None = None
    """What a checkpoint does not know, by topic, before synthesis and after; null: nobody asks."""
    held_out: float = Field(
        default=0.05, gt=0, lt=0.5, description="The share of documents that no stage is trained on"
    )
    held_out_leaks: HeldOutLeaks = HeldOutLeaks()
    """What becomes of documents that are both held out and trained on."""
    mixture_search: dict[Name, MixtureSearch] = Field(
        {},
        description="Swarms of small models, each trained on a mixture of its own, from which "
        "mixtures are found (docs/mixture-search.md)",
    )
    mixtures: dict[Name, MixtureMethod] = Field(
        {}, description="Found in the graph, for stages that say `mixture: {from: NAME}`"
    )
    stages: dict[Name, StageSection] = Field(
        min_length=1, description="What is trained, in order; a stage continues one before it"
    )
    soups: dict[Name, Soup] = Field({}, description="Averages of checkpoints")
    evaluation: EvaluationSection = Field(
        EvaluationSection(), description="What is measured on held-out documents"
    )
    long_context: LongContext | None = Field(
        None,
        description="What every checkpoint has to find in long contexts; null: nothing is hidden",
    )
    checks: Annotated[Checks, NOT_A_CAUSE] = Checks()
    """The bounds that results are compared with; none of them stops a run."""
    refresh: Annotated[Refresh | None, NOT_A_CAUSE] = Field(
        None, description="When what is new in the sources is made; null: when somebody runs it"
    )
    cluster: Annotated[Cluster | None, NOT_A_CAUSE] = Field(
        None, description="The Ray cluster that runs are submitted to; null: they work here"
    )
    scale: Scale = Scale()
    """Divisors by which a run is shrunk, to rehearse it; the report says what that distorts."""

    def path(self, relative: str) -> str:
        """A path of the recipe as it is to be opened: URIs as they are, others from its folder."""
        return located(relative, self.folder)

    def folder_or_hub(self, named: str) -> str:
        """A folder of the recipe if there is one of that name, else the name: a hub id."""
        path = self.path(named)
        return path if Path(path).is_dir() else named

    def removal_entries(self) -> Entries:
        """The removal list, read. Raises :class:`RemovalListError` for a file that is none."""
        listed = self.removed
        return read_entries(self.path(listed) if isinstance(listed, str) else listed)

    def runs(self) -> list[Run]:
        """Every training run, at the recipe's scale, in order."""
        return runs.runs(self.stages, self.scale, seed=self.seed)

    @property
    def measures(self) -> EvaluationSettings:
        """What is measured on held-out documents: the section ``evaluation``, completed."""
        return self._measures(self.runs())

    def _measures(self, every: list[Run]) -> EvaluationSettings:
        return self.evaluation.completed(
            natural=sorted(self.view.natural),
            raised=runs.raised_domains(every, self.view.domain_of_band),
            longest=max(run.stage.sequence_length for run in every),
        )

    @property
    def gates(self) -> dict[str, Gates]:
        """What stages have to show before others may start from them, by the stage's name."""
        asked = {
            name: stage.checks.of_start(stage.start)
            for name, stage in self.stages.items()
            if stage.checks is not None
        }
        return {name: gates for name, gates in asked.items() if gates is not None}

    @property
    def haystack(self) -> list[str]:
        """The domains whose held-out documents fill long contexts."""
        named = self.long_context.haystack if self.long_context else None
        return sorted(named or self.view.natural)

    @property
    def general_domains(self) -> list[str]:
        """The general domains, and their bands, as mixtures name them."""
        general = self.measures.general
        return [*general, *(band for each in general for band in self.view.bands.get(each, ()))]

    @property
    def judges_language(self) -> bool:
        """Whether documents' languages are looked at: a model is named, or some kind is asked."""
        if self.language_model is not None:
            return True
        kinds = {source.kind for source in self.sources.values()}
        kinds |= {method.KIND for method in self.synthesis.values()}
        return self.curation.asks_language(kinds) or bool(self.curation.listed)

    def word_lists(self) -> WordEntries | None:
        """The words that rules look for, by category and language; None if none does.

        Raises :class:`WordListError` for a list that cannot be read.
        """
        return read_lists(self.curation.word_lists, self.path) if self.curation.listed else None

    @property
    def edits_text(self) -> bool:
        """Whether anything in documents that stay is cut or replaced."""
        return bool(self.personal_data or self.repeated_text or self.curation.cutting)

    @property
    def language_identifier(self) -> Path:
        """The fastText model: the one that is named, or that of the default data."""
        return Path(self.path(self.language_model)) if self.language_model else LANGUAGE_MODEL

    def checkpoints(self) -> list[str]:
        """Every checkpoint of the graph, the base first, each soup after its last ingredient."""
        return runs.checkpoints(self.stages, self.soups, base_given=self.base_given)

    def ingredients(self, soup: str) -> dict[str, float]:
        """The checkpoints that a soup is made of, each with its share."""
        return runs.ingredients(self.soups[soup], self.stages)

    def distortions(self) -> list[str]:
        """Each proportion that the recipe's scale does not keep, in words."""
        full, scaled = runs.runs(self.stages, Scale(), seed=self.seed), self.runs()
        return distortions(runs.own_stages(full), runs.own_stages(scaled))

    @property
    def has_conversations(self) -> bool:
        """Whether any of its sources holds conversations, or a method of synthesis writes some:
        there is a chat template for them."""
        return bool(
            self.conversing or any(source.has_conversations for source in self.sources.values())
        )

    @property
    def conversing(self) -> dict[str, Method]:
        """The methods of synthesis that write conversations."""
        return {
            name: method
            for name, method in self.synthesis.items()
            if not isinstance(method, Assembly) and method.CONVERSATIONS
        }

    @property
    def added_tokens(self) -> list[str]:
        """The tokens that stages need beside text, which a tokenizer gets that is trained."""
        fills = [run.stage.fill_in_the_middle for run in self.runs()]
        return list(dict.fromkeys(name for fill in fills if fill for name in fill.names))

    @property
    def drawn_towards(self) -> dict[str, list[str]]:
        """The methods of synthesis that draw towards what the probe finds, with their domains."""
        return {
            name: list(method.domains)
            for name, method in self.synthesis.items()
            if not isinstance(method, Assembly) and method.draw == "towards_unknown"
        }

    @property
    def late_mixtures(self) -> set[str]:
        """The mixtures that are known only when some checkpoint has been trained, since proxies
        start from it."""
        late = {
            f"swarm/{name}"
            for name, each in self.mixture_search.items()
            if search.starts_late(each, base_given=self.base_given)
        }
        return {name for name, each in self.mixtures.items() if late & set(each.reads.values())}

    @property
    def base_given(self) -> bool:
        """Whether the base is a checkpoint from outside, not a stage."""
        return self.base.checkpoint is not None

    @property
    def view(self) -> View:
        """What each room sees of the others' sections."""
        return View(
            seed=self.seed,
            sources={name: source.domain for name, source in self.sources.items()},
            synthetic={name: method.domain for name, method in self.synthesis.items()},
            assembled={
                name for name, method in self.synthesis.items() if isinstance(method, Assembly)
            },
            benchmarks=tuple(self.benchmarks),
            raters=tuple(self.raters),
            mixtures=tuple(self.mixtures),
            searches=self._searches,
            bands={domain: each.names(domain) for domain, each in self.bands.items()},
            conversations={
                source.domain for source in self.sources.values() if source.has_conversations
            }
            | {method.domain for method in self.conversing.values()},
        )

    @property
    def _searches(self) -> dict[str, Search]:
        """The searches, as mixtures see them that are found from them."""
        natural = View(
            sources={name: each.domain for name, each in self.sources.items()},
            bands={domain: each.names(domain) for domain, each in self.bands.items()},
        )
        return {
            name: Search(each.kept, sum(each.rounds), search.targets(each, natural))
            for name, each in self.mixture_search.items()
        }

    @property
    def _fed(self) -> dict[str, set[str]]:
        """By search, the stages that are trained on a mixture that is found from it."""
        fed: dict[str, set[str]] = {}
        for run in runs.runs(self.stages, Scale(), seed=self.seed):
            if isinstance(run.stage.mixture, MixtureReference):
                named = self.mixtures.get(run.stage.mixture.from_)
                for asset in () if named is None else named.reads.values():
                    fed.setdefault(asset.removeprefix("swarm/"), set()).add(run.stage_name)
        return fed

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        problems = list(self._problems(self.view))
        if problems:
            raise DisagreementError(problems)
        return self

    def _problems(self, view: View) -> Iterator[Problem]:
        yield from collection.problems(self.sources, self.benchmarks)
        yield from curation.problems(
            self.curation, self.raters, self.duplicates, self.sampling, view, self.bands
        )
        yield from decontamination.problems(self.decontamination, view)
        yield from synthesis.problems(self.synthesis, view)
        yield from probe.problems(
            self.probe, self.drawn_towards, self.checkpoints(), view, base_given=self.base_given
        )
        yield from tokens.problems(self.tokenizer, base_given=self.base_given)
        every = runs.runs(self.stages, Scale(), seed=self.seed)
        yield from mixture.problems(self.mixtures, view, runs.trained_on_found(every))
        yield from search.problems(
            self.mixture_search,
            search.Around(
                view,
                self.checkpoints(),
                {name: stage.start for name, stage in self.stages.items()},
                self._fed,
                [name for name, each in self.benchmarks.items() if each.answer or each.gold],
                self.scale,
            ),
        )
        yield from training.problems(
            self.stages,
            self.soups,
            self.scale,
            base_given=self.base_given,
            view=view,
            model=self.base.model,
        )
        yield from long_context.problems(
            self.long_context,
            {name: stage.checks for name, stage in self.stages.items() if stage.checks},
            {name: (stage.start, stage.sequence_length) for name, stage in self.stages.items()},
            view,
        )
        shorter = runs.shorter_controls(every)
        yield from evaluation.problems(
            self.benchmarks, self._measures(every), view, shorter_controls=shorter
        )
