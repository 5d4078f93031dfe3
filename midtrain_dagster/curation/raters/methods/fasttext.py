"""A rater by fastText: how likely a document is one of the wanted ones (DCLM's way).

DCLM (Li et al. 2024, arXiv 2406.11794, section 4.4) takes OpenHermes-2.5 and ELI5 for positives and
web text for negatives, and keeps the tenth with the highest probability. Here both sides are names
of sources in the recipe, or the model is given. A linear model over words and word pairs is the
cheapest rater of the survey and a strong one; it likes the style of its positives as much as their
quality.

Text is lower-cased and punctuation set apart by spaces, in training and rating alike; a given model
may ask for the plain text. In both forms fastText's own marks are taken out (`fasttext_lines`). One
thread trains, because several would race: the same documents and seed give the same bytes. The
order of the documents does not matter.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field, model_validator

from midtrain_dagster.core import draws
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Location
from midtrain_dagster.curation.classifier import model_fault
from midtrain_dagster.curation.raters.method import MODEL, ByPart, Method, Rating, Scale, Training
from midtrain_dagster.inference.engine import FindPath

if TYPE_CHECKING:
    from midtrain_dagster.core.text_buffer import Text

VERSION = 3
USES = (draws,)

HELD_OUT = 0.1
"""The share of the examples that is held out for the metrics, drawn by their ids."""

MINIMUM_COUNT = 3
"""How often a word must occur to be a feature of its own: it bounds the model's vocabulary."""

CHUNK_BYTES = 1_000_000
"""Text is taken so much at a time, so that the lines are still in the cache when they are rated."""

TextForm = Literal["normalised", "plain"]


class Config(Method):
    """fastText: trained on sources of wanted and of ordinary documents, or given as a file.

    A published model wants ``text: plain`` and its own label. DCLM's (``label: __label__hq``) keeps
    what it gives 0.018112 or more, which was a tenth of its web text.
    """

    SCALE: ClassVar[Scale] = (0.0, 1.0)
    KINDS: ClassVar[tuple[str, ...]] = ("fasttext",)

    method: Literal["fasttext"] = "fasttext"
    given: Annotated[str | None, NOT_A_CAUSE] = Field(
        None, description="a model's .bin or .ftz, relative to the recipe"
    )
    label: str = Field("positive", description="the label whose probability is the rating")
    text: TextForm = Field(
        "normalised",
        description="normalised: lower case, punctuation apart; plain: as it is, in one line",
    )
    positives: list[str] = Field([], description="sources of wanted documents")
    negatives: list[str] = Field([], description="sources of ordinary ones")
    dimensions: int = Field(16, ge=1)
    """Width of the vectors of words."""
    epochs: int = Field(5, ge=1)
    """Passes over the training documents."""
    learning_rate: float = Field(0.5, gt=0)
    """Of the first update; it falls linearly to zero."""
    word_ngrams: int = Field(2, ge=1, description="longest run of words that is a feature")
    buckets: int = Field(
        50_000, ge=1, description="hash buckets for runs of words: 4 x dimensions bytes each"
    )
    seed: Seed = 1
    """Of the order of documents and the first vectors."""

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

    @property
    def training(self) -> dict[str, Any]:
        """The parameters of `train`."""
        names = ("text", "seed", "dimensions", "epochs", "learning_rate", "word_ngrams", "buckets")
        return {name: getattr(self, name) for name in names}

    @property
    def sources(self) -> Mapping[Location, Sequence[str]]:
        """As `Method` says."""
        return {("positives",): self.positives, ("negatives",): self.negatives}

    @property
    def is_trained(self) -> bool:
        """Whether no model is given."""
        return self.given is None

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """A given model that is none, or does not know the label."""
        if self.given is not None:
            fault = model_fault(Path(find(self.given)), self.label)
            if fault is not None:
                yield Finding(("given",), fault)

    def training_cause(self, documents: Artifact) -> Any:
        """The documents of its sources, by side."""
        sides = self._sides(documents.parts("documents"))
        return {side: [part.digest for part in parts] for side, parts in sides.items()}

    def train_model(self, training: Training) -> list[Part]:
        """As `Method` says."""
        work = Work(train, tables=self._sides(training.documents), parameters=self.training)
        (parts,) = training.run([work])
        return parts

    @property
    def rating_section(self) -> Any:
        """Which label is the rating, and how texts are read."""
        return {"method": self.method, "label": self.label, "text": self.text}

    def rating_digests(self, find: FindPath) -> Any:
        """The digest of the given model."""
        return None if self.given is None else known_digest(Path(find(self.given)))

    def rate_documents(self, rating: Rating) -> ByPart:
        """As `Method` says."""
        given = {} if self.given is None else {MODEL: Path(rating.find(self.given))}
        return rating.run(
            [
                Work(
                    rate,
                    tables={"documents": [part]},
                    files={} if given else {MODEL: rating.model},
                    parameters={"label": self.label, "text": self.text},
                    causes=rating.digests,
                    arguments=given,
                )
                for part in rating.documents
            ]
        )

    def _sides(self, documents: Sequence[Part]) -> dict[str, list[Part]]:
        sides = {"positives": self.positives, "negatives": self.negatives}
        return {
            side: [part for part in documents if part.label in sources]
            for side, sources in sides.items()
        }


def train(
    positives: pl.DataFrame,
    negatives: pl.DataFrame,
    *,
    text: TextForm,
    seed: int,
    dimensions: int,
    epochs: int,
    learning_rate: float,
    word_ngrams: int,
    buckets: int,
) -> dict[str, pl.DataFrame | bytes]:
    """Train on nine tenths of the documents (columns id, text) and measure on the rest.

    Returns ``{"model": bytes, "metrics": df}``: a fastText model file with the labels "positive"
    and "negative", and columns name, value with how many documents of each side were trained on and
    held out, and the held-out accuracy (at 0.5) and AUC, null where a side has nothing held out.

    Raises ValueError if a side has no document with text, or a document is on both sides.
    """
    import fasttext

    from midtrain_dagster.core.text_buffer import text_buffer

    examples = pl.concat(
        [_examples(positives, "positive", text), _examples(negatives, "negative", text)]
    )
    if examples["id"].is_duplicated().any():
        twice = examples.filter(pl.col("id").is_duplicated())["id"].min()
        raise ValueError(
            f"document {twice!r} is given twice: a document is one example of one side"
        )
    examples = examples.with_columns(draw=draws.uniform(examples["id"], seed=0)).sort("draw", "id")
    held_out = examples.filter(pl.col("draw") < HELD_OUT)
    training = examples.filter(pl.col("draw") >= HELD_OUT)
    for side in ("positive", "negative"):
        if not (training["label"] == side).any():
            raise ValueError(f"no {side} document with text to train on")
    with tempfile.TemporaryDirectory() as folder:
        lines, model = Path(folder) / "examples.txt", Path(folder) / "model.bin"
        marked = training.select(pl.format("__label__{} {}", "label", "line"))
        lines.write_text("\n".join(marked.to_series()) + "\n", encoding="utf-8", newline="\n")
        trained = fasttext.train_supervised(
            input=str(lines),
            dim=dimensions,
            epoch=epochs,
            lr=learning_rate,
            minCount=MINIMUM_COUNT,
            wordNgrams=word_ngrams,
            bucket=buckets,
            thread=1,
            seed=draws.folded(seed, 31),
            verbose=0,
        )
        trained.save_model(str(model))
        content = model.read_bytes()
        quality = _probability(text_buffer(held_out["line"]), model, "positive")
    measured = {
        "training_positives": float((training["label"] == "positive").sum()),
        "training_negatives": float((training["label"] == "negative").sum()),
        **_metrics(held_out["label"] == "positive", quality),
    }
    metrics = pl.DataFrame(
        {"name": list(measured), "value": list(measured.values())},
        schema={"name": pl.String, "value": pl.Float64},
    )
    return {"model": content, "metrics": metrics}


def rate(
    documents: pl.DataFrame, *, model: Path, label: str = "positive", text: TextForm = "normalised"
) -> dict[str, pl.DataFrame]:
    """The probability of the label for each document. Input columns: id, text.

    Returns ``{"ratings": df}`` with columns id, rating (Float32, 0 to 1), error. No rating has a
    null text, one of which no line is left, or one of which the model knows nothing.

    Raises FileNotFoundError, and ValueError if the file is no fastText model or lacks the label.
    """
    from midtrain_dagster.core.text_buffer import chunks

    ratings, lengths = [pl.Series([], dtype=pl.Float32)], [pl.Series([], dtype=pl.Int64)]
    for _, texts in chunks(documents["text"].fill_null(""), CHUNK_BYTES):
        lines = _lines(texts, text)
        ratings.append(_probability(lines, model, label))
        lengths.append(pl.Series(np.diff(lines.offsets)))
    rating, empty = pl.concat(ratings), pl.concat(lengths) == 0
    return {
        "ratings": documents.select(
            "id",
            rating=pl.when(~empty).then(rating),
            error=pl.when(pl.col("text").is_null())
            .then(pl.lit("the text is null"))
            .when(empty)
            .then(pl.lit("the text is empty"))
            .when(rating.is_null())
            .then(pl.lit("the model knows no word of the text")),
        )
    }


def _lines(texts: pl.Series, form: TextForm) -> "Text":
    from midtrain_dagster.core.text_buffer import text_buffer
    from midtrain_dagster.curation.raters.fasttext_lines import plain_lines, token_lines

    buffer = text_buffer(texts)
    return token_lines(buffer) if form == "normalised" else plain_lines(buffer)


def _series(text: "Text") -> pl.Series:
    offsets, buffer = pa.py_buffer(text.offsets), pa.py_buffer(text.buffer)
    return pl.Series(pa.LargeStringArray.from_buffers(text.offsets.size - 1, offsets, buffer))


def _examples(documents: pl.DataFrame, label: str, form: TextForm) -> pl.DataFrame:
    documents = documents.filter(pl.col("text").is_not_null())
    lines = documents.select("id", line=_series(_lines(documents["text"], form)))
    return lines.filter(pl.col("line") != "").with_columns(label=pl.lit(label))


def _probability(lines: "Text", path: Path, label: str) -> pl.Series:
    from midtrain_dagster.curation.classifier import label_probability
    from midtrain_dagster.curation.raters.fasttext_model import probability, read_model

    model = read_model(path, label)
    if model is None:
        return label_probability(_series(lines), path, label)
    return pl.Series(probability(lines, model), nan_to_null=True)


def _metrics(positive: pl.Series, quality: pl.Series) -> dict[str, float | None]:
    """Accuracy at 0.5 and the area under the ROC curve (by ranks, Mann and Whitney 1947)."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    accuracy, area = None, None
    if positive.len():
        accuracy = float(((quality > 0.5) == positive).sum()) / positive.len()
    if positives and negatives:
        ranks = float(quality.rank("average").filter(positive).sum())
        area = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return {
        "held_out_positives": float(positives),
        "held_out_negatives": float(negatives),
        "accuracy": accuracy,
        "auc": area,
    }
