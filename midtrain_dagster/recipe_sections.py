"""The sections of a recipe: each is a model of the room that it configures.

Here they are only put together; what follows from them, and what does not fit together, is
``recipe.py``'s.
"""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.collection.settings import CollectionSettings
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.curation.bands import Bands
from midtrain_dagster.curation.duplicates.config import Duplicates, default_duplicates
from midtrain_dagster.curation.personal_data.spans import PersonalData
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.raters.config import RaterConfig
from midtrain_dagster.curation.repeated_text import RepeatedText
from midtrain_dagster.curation.sampling import Sampling
from midtrain_dagster.curation.takedown import RemovalEntry
from midtrain_dagster.decontamination.config import ContaminationMethod, default_method
from midtrain_dagster.decontamination.leaks import HeldOutLeaks
from midtrain_dagster.evaluation.registry import BenchmarkSection
from midtrain_dagster.evaluation.settings import Checks, EvaluationSection
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.mixtures import MixtureMethod
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.long_context.settings import LongContext
from midtrain_dagster.probe.settings import Probe
from midtrain_dagster.refresh.settings import Refresh
from midtrain_dagster.submission.settings import Cluster
from midtrain_dagster.synthesis.config import SynthesisMethod
from midtrain_dagster.tokens.tokenizer import TokenizerConfig
from midtrain_dagster.training.base import Base
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.small_generator import SmallGenerator
from midtrain_dagster.training.stage_kinds import StageSection

LONGEST_NAME = 100
"""Letters: names are put together in names of files, of which there may be 255 bytes."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=LONGEST_NAME)]
"""Names become parts of asset keys: words of small letters and digits, joined by one underscore."""

Owner = Annotated[str, Field(pattern=r"^(team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,63}$")]


READ_WITH = ("folder", "file", "text")
"""The fields of a recipe that no document says: where it was read."""


class Sections(FrozenModel):
    """All that a recipe's document may say, by field."""

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
    benchmarks: dict[str, BenchmarkSection] = Field(
        {},
        description="Items that are searched in the corpus and asked of every checkpoint, by name; "
        "without any, nothing is decontaminated",
    )
    decontamination: ContaminationMethod = default_method()
    """When a document counts as holding a benchmark's item."""
    synthesis: dict[Name, SynthesisMethod] = Field({}, description="Methods, each under its name")
    generators: dict[Name, SmallGenerator] = Field(
        {},
        description="Small generators, each trained on the accepted pairs of one method; others "
        "ask them as `generator: {engine: distilled, generator: NAME}`",
    )
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
    microanneals: dict[Name, Microanneals] = Field(
        {},
        description="Candidate sources, each judged by short decays with it and without, for "
        "mixtures of those that are accepted (docs/microanneals.md)",
    )
    fine_tuning: FineTuning | None = Field(
        None,
        description="A small supervised fine-tuning, the same for every checkpoint, after which "
        "it is measured too; null: none",
    )
    laws: dict[Name, DecayLawSection] = Field(
        {},
        description="What a decay is worth, fitted to the logs of runs; `midtrain law` asks them",
    )
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
