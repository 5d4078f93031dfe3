"""How documents are rated: a recipe's ``raters``, by name.

Each method's module says where it comes from and what it costs:

===========  ===============================================================  ==============
method       what it is                                                       ratings
===========  ===============================================================  ==============
fasttext     a linear classifier, trained here or given                       0 to 1
embedding    a regression on sentence embeddings, from labels of 0 to 5       0 to 5
pairwise     Bradley-Terry scores of judged pairs, generalised by regression  real, mean 0
combination  percentiles of other raters, the highest or the mean             0 to 1, or bins
===========  ===============================================================  ==============

Labels and judgements come from a file, or from the text generator as a judge.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference.generator import GeneratorConfig

SCALES = {"fasttext": (0.0, 1.0), "embedding": (0.0, 5.0), "pairwise": (-16.0, 16.0)}
"""The range of each method's ratings; a score of 16 would be a preference of 99.99999%."""

Criterion = Literal["writing_style", "required_expertise", "facts_and_trivia", "educational_value"]
"""QuRating's four criteria (Wettig et al. 2024)."""


class FastTextRater(FrozenModel):
    """fastText: trained on sources of wanted and of ordinary documents, or given as a file.

    A published model wants ``text: plain`` and its own label. DCLM's (``label: __label__hq``) keeps
    what it gives 0.018112 or more, which was a tenth of its web text.
    """

    method: Literal["fasttext"] = "fasttext"
    given: str | None = Field(None, description="a model's .bin or .ftz, relative to the recipe")
    label: str = Field("positive", description="the label whose probability is the rating")
    text: Literal["normalised", "plain"] = Field(
        "normalised",
        description="normalised: lower case, punctuation apart; plain: as it is, in one line",
    )
    positives: list[str] = Field([], description="sources of wanted documents")
    negatives: list[str] = Field([], description="sources of ordinary ones")
    dimensions: int = Field(16, ge=1)
    epochs: int = Field(5, ge=1)
    learning_rate: float = Field(0.5, gt=0)
    word_ngrams: int = Field(2, ge=1, description="longest run of words that is a feature")
    buckets: int = Field(
        50_000, ge=1, description="hash buckets for runs of words: 4 x dimensions bytes each"
    )
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _given_or_trained(self) -> Self:
        if self.given is not None and (self.positives or self.negatives):
            raise ValueError("a given model is not trained: it has no positives and negatives")
        if self.given is None and not (self.positives and self.negatives):
            raise ValueError("give positives and negatives to train on, or a model as `given`")
        if self.given is None and self.label != "positive":
            raise ValueError("the label of a model that is trained here is 'positive'")
        both = sorted(set(self.positives) & set(self.negatives))
        if both:
            raise ValueError(f"{', '.join(both)}: named as positives and negatives at once")
        return self

    def training(self) -> dict[str, Any]:
        """The parameters of `fasttext_rater.train`."""
        return self.model_dump(exclude={"method", "given", "label", "positives", "negatives"})


class Judge(FrozenModel):
    """The text generator, asked about a sample of the documents."""

    generator: GeneratorConfig
    documents: int = Field(1_000, ge=2, description="how many are drawn, by a hash of their ids")
    sources: list[str] = Field([], description="sources to draw from; none: all")
    characters: int = Field(2_000, ge=1, description="how much of a document the judge reads")
    seed: int = Field(1, ge=0)


class EmbeddingRater(FrozenModel):
    """A regression on sentence embeddings, as FineWeb-Edu's rater of educational value."""

    method: Literal["embedding"] = "embedding"
    embedding: str = Field(description="folder of the embedding model, relative to the recipe")
    labels: str | None = Field(
        None, description="JSON Lines or Parquet with label, and text or a document's id"
    )
    judge: Judge | None = Field(None, description="who gives labels where there is no file")
    ridge: float = Field(1.0, gt=0, description="weight of the squared coefficients")

    @model_validator(mode="after")
    def _labels_or_judge(self) -> Self:
        if (self.labels is None) == (self.judge is None):
            raise ValueError("labels come from a file (`labels`) or from a `judge`: give one")
        return self


class PairwiseRater(FrozenModel):
    """Bradley-Terry scores of judged pairs, generalised by a regression on embeddings."""

    method: Literal["pairwise"] = "pairwise"
    embedding: str = Field(description="folder of the embedding model, relative to the recipe")
    criterion: Criterion = "educational_value"
    judgements: str | None = Field(
        None, description="JSON Lines or Parquet with a, b (ids), and winner or preference"
    )
    judge: Judge | None = Field(None, description="who judges where there is no file")
    pairs: int = Field(5_000, ge=1, description="how many pairs the judge is asked about")
    prior: float = Field(0.1, gt=0, description="weight of the squared scores, which keeps them")
    ridge: float = Field(1.0, gt=0, description="weight of the squared coefficients")

    @model_validator(mode="after")
    def _judgements_or_judge(self) -> Self:
        if (self.judgements is None) == (self.judge is None):
            raise ValueError("pairs come judged from a file (`judgements`) or a `judge`: give one")
        return self


class CombinationRater(FrozenModel):
    """Other raters' ratings as percentiles of the corpus, and the highest or the mean of them.

    Nemotron-CC takes the maximum over ``bins: 20``.
    """

    method: Literal["combination"] = "combination"
    of: list[str] = Field(min_length=1, description="names of raters")
    take: Literal["maximum", "mean"] = "maximum"
    weights: list[float] | None = Field(None, description="of the mean; none: all alike")
    bins: int | None = Field(None, ge=2, description="percentiles as whole numbers from 0 on")

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if len(set(self.of)) < len(self.of):
            raise ValueError("a rater is named twice")
        if self.weights is None:
            return self
        if self.take != "mean":
            raise ValueError("only a mean has weights")
        if len(self.weights) != len(self.of) or min(self.weights) < 0 or not sum(self.weights):
            raise ValueError("give each rater a weight of 0 or more, and not 0 to all")
        return self


RaterConfig = Annotated[
    FastTextRater | EmbeddingRater | PairwiseRater | CombinationRater,
    Field(discriminator="method"),
]


Mistake = tuple[tuple[str | int, ...], str]


def mistakes(raters: dict[str, RaterConfig], sources: set[str]) -> Iterator[Mistake]:
    """Names that lead nowhere: their place below ``raters``, and the reason.

    A rater may learn from declared sources, and combine raters that are no combinations.
    """
    for name, rater in raters.items():
        named: dict[tuple[str, ...], list[str]] = {}
        if isinstance(rater, FastTextRater):
            named = {("positives",): rater.positives, ("negatives",): rater.negatives}
        elif isinstance(rater, CombinationRater):
            for number, other in enumerate(rater.of):
                if other not in raters:
                    yield (name, "of", number), f"no rater {other!r} is declared"
                elif isinstance(raters[other], CombinationRater):
                    yield (name, "of", number), f"{other!r} is a combination itself"
        elif rater.judge is not None:
            named = {("judge", "sources"): rater.judge.sources}
        for field, listed in named.items():
            for number, source in enumerate(listed):
                if source not in sources:
                    yield (name, *field, number), f"no source {source!r} is declared"


def scales(
    rater: CombinationRater, raters: dict[str, RaterConfig]
) -> dict[str, tuple[float, float]]:
    """The raters that a combination is of, with the range of each: for `combination`."""
    return {name: SCALES[raters[name].method] for name in rater.of}
