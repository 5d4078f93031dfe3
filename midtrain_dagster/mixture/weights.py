"""The mixture: what share of a stage's tokens each domain has, as a function of its progress.

Mid-training keeps part of the pre-training mix and raises specialised data (survey, section 3.5),
some of it progressively within the stage (8.2.2), hence shares that follow a curve, written as
``0.1 -> 0.4`` (``notation.py``). What such a share takes, others have to give: a domain may have a
part of the rest, as Llama-3's default mix has 70 percent beside 30 of new data. Context extension
adds a share of long documents: 25 to 30 percent is the survey's rule (Table 5), ProLong takes 60.
How often a domain may be repeated is declared, for a small domain with a large share is repeated
silently otherwise; four epochs cost nearly nothing (Muennighoff et al. 2023, section 6).
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.mixture.curve import CURVES, CurveModule, Shape
from midtrain_dagster.mixture.length_classes import LengthClasses
from midtrain_dagster.mixture.notation import parsed, printed

SUM_TOLERANCE = 1e-3
"""Shares are written with few digits; what is within this of one is normalised."""


def _at_most_all(share: float) -> float:
    if share > 1:
        raise ValueError(f"a share is at most 1, or 100%, not {share:g} ({share:.0%})")
    return share


Share = Annotated[float, Field(ge=0), AfterValidator(_at_most_all)]
Progress = Annotated[float, Field(ge=0, le=1)]


def _ordered(points: dict[float, float]) -> dict[float, float]:
    if not points:
        raise ValueError("a share that changes needs at least one point, `{progress: share}`")
    return dict(sorted(points.items()))


Points = Annotated[dict[Progress, Share], AfterValidator(_ordered)]


class Course(FrozenModel):
    """A share that follows a curve over the stage, or is a part of what the others leave."""

    points: Points
    """The share at each progress from 0 to 1; before the first and after the last it is theirs."""
    shape: Shape = "linear"
    """How it goes from point to point."""
    of: Literal["all", "rest"] = "all"
    """What it is a share of: all tokens, or what the domains leave that have shares of all."""


def _form(share: Any) -> str:
    if isinstance(share, Course) or (isinstance(share, Mapping) and "points" in share):
        return "course"
    return "points" if isinstance(share, Mapping) else "constant"


def _read(share: Any) -> Any:
    return parsed(share) if isinstance(share, str) else share


_Share = Annotated[
    Annotated[Share, Tag("constant")]
    | Annotated[Points, Tag("points")]
    | Annotated[Course, Tag("course")],
    Discriminator(_form),
]
DomainShare = Annotated[_Share, BeforeValidator(_read, json_schema_input_type=_Share | str)]
"""A domain's share in a recipe."""


def course_of(share: float | Mapping[float, float] | Course) -> Course:
    """A share in its longest form."""
    if isinstance(share, Course):
        return share
    points = share if isinstance(share, Mapping) else {0.0: share}
    return Course.model_construct(points=dict(points), shape="linear", of="all")


def in_words(share: float | Mapping[float, float] | Course) -> str:
    """A share in the notation."""
    course = course_of(share)
    return printed(course.points, course.shape, course.of)


class LongDocuments(FrozenModel):
    """Draws a share of all tokens from long documents, whatever their part in the corpus.

    Domain shares stay as they are: domains that hold both kinds give the same part of theirs.
    """

    minimum_tokens: int = Field(ge=2, description="Tokens from which a document is long.")
    share: float = Field(gt=0, le=1, description="Share of the stage's tokens.")


class Limits(FrozenModel):
    """What bounds a mixture, wherever its shares come from."""

    long_documents: LongDocuments | None = None
    """A share of all tokens that long documents give; null: whatever they have."""
    length_classes: Annotated[
        LengthClasses | None, Field(exclude_if=lambda rule: rule is None), CAUSE_IF_SET
    ] = None
    """Shares of tokens by the length of documents, relative to the window: ``prolong``, ``phi_4``,
    ``qwen3``, or classes written out (docs/long-data.md); null: whatever they have. In place of
    ``long_documents``, whose one bound is in tokens."""
    max_epochs: float = Field(
        default=4.0,
        gt=0,
        description="Most passes over a domain's documents, since its order began.",
    )
    max_epochs_of: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="The same for single domains, instead of `max_epochs`."
    )

    @model_validator(mode="after")
    def _one_rule_of_length(self) -> Self:
        if self.long_documents is not None and self.length_classes is not None:
            raise ValueError("long_documents and length_classes both divide by length: say one")
        return self


class Mixture(Limits):
    """Shares of the stage's tokens by domain, and how often a document may be repeated."""

    domains: dict[str, DomainShare] = Field(
        min_length=1,
        description=(
            "A constant share; or how it changes over the stage, as `0.1 -> 0.4`, `cosine 5% -> "
            "20% @ 60%`, `constant 0.1 -> 0.4 @ 50%`, a part of what others leave, as `0.7 of "
            "rest` (docs/training.md); or points `{progress: share}` joined by straight lines, "
            "with progress from 0 to 1; before the first point and after the last, the share is "
            "theirs."
        ),
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        moments = self.moments()
        raw, of_rest = self._columns(moments)
        if any(of_rest):
            taken = raw[:, ~of_rest].sum(axis=1)
            _check_sums(
                moments, np.maximum(taken, 1), "the shares beside the rest may sum to 1 at most"
            )
            _check_sums(moments, raw[:, of_rest].sum(axis=1), "the parts of the rest must sum to 1")
        else:
            _check_sums(moments, raw.sum(axis=1), "the shares must sum to 1")
        return self

    @model_validator(mode="after")
    def _ceilings_are_of_domains(self) -> Self:
        unknown = sorted(self.max_epochs_of.keys() - self.domains.keys())
        if unknown:
            meant = did_you_mean(unknown[0], self.domains)
            raise ValueError(
                f"max_epochs_of names {', '.join(unknown)}, not among the domains{meant}"
            )
        return self

    @model_validator(mode="after")
    def _own_classes_are_domains(self) -> Self:
        own = self.length_classes.own_class if self.length_classes else ()
        unknown = sorted(set(own) - self.domains.keys())
        if unknown:
            meant = did_you_mean(unknown[0], self.domains)
            raise ValueError(
                f"length_classes.own_class names {', '.join(unknown)}, not among the domains{meant}"
            )
        if own and not self.domains.keys() - set(own):
            raise ValueError(
                "length_classes.own_class names every domain, so no length divides anything"
            )
        return self

    def weights(self, progress: float) -> dict[str, float]:
        """The shares at a progress in [0, 1], summing to one."""
        if not 0 <= progress <= 1:
            raise ValueError(f"progress must lie in [0, 1], not {progress}")
        return dict(zip(self.domains, self.shares(np.array([progress]))[0].tolist(), strict=True))

    def shares(self, progress: np.ndarray) -> np.ndarray:
        """Shares ``[n, domains]`` at ``n`` moments; columns in the order of ``domains``."""
        raw = self._raw(progress)
        return raw / raw.sum(axis=1, keepdims=True)

    def moments(self) -> np.ndarray:
        """Both ends of the stage and all points between: where the shares' lines can bend."""
        points = {0.0, 1.0}
        for share in self.domains.values():
            course = course_of(share)
            if len(course.points) > 1 or isinstance(share, Mapping):
                places = np.array(list(course.points))
                points.update(CURVES[course.shape].bends(places).tolist())
        return np.array(sorted(points))

    @property
    def changes(self) -> bool:
        """Whether any share is another one later in the stage."""
        shares = self.shares(self.moments())
        return bool(np.ptp(shares, axis=0).max() > SUM_TOLERANCE)

    @property
    def curves(self) -> list[CurveModule]:
        """Those that its shares name, other than the straight line that every mixture has had."""
        shapes = {course_of(share).shape for share in self.domains.values()} - {"linear"}
        return [CURVES[shape] for shape in sorted(shapes)]

    def least(self, domains: Collection[str]) -> float:
        """The share that some domains have together at the moment when it is least."""
        wanted = [name in domains for name in self.domains]
        return float(self.shares(self.moments())[:, wanted].sum(axis=1).min())

    def ceiling(self, domain: str) -> float:
        """The most epochs declared for a domain."""
        return self.max_epochs_of.get(domain, self.max_epochs)

    @property
    def trained_on(self) -> set[str]:
        """The domains that have a share at some moment."""
        largest = self.shares(self.moments()).max(axis=0).tolist()
        return {name for name, share in zip(self.domains, largest, strict=True) if share}

    def _raw(self, progress: np.ndarray) -> np.ndarray:
        raw, of_rest = self._columns(progress)
        if any(of_rest):
            left = np.maximum(1 - raw[:, ~of_rest].sum(axis=1, keepdims=True), 0)
            raw = np.where(of_rest, raw * left, raw)
        return raw

    def _columns(self, progress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shares as they are written ``[n, domains]``, and which of them are of the rest."""
        courses = [course_of(share) for share in self.domains.values()]
        columns = [
            CURVES[course.shape].at(
                progress,
                np.array(list(course.points)),
                np.array(list(course.points.values()), np.float64),
            )
            for course in courses
        ]
        return np.stack(columns, axis=1), np.array([course.of == "rest" for course in courses])


def _check_sums(moments: np.ndarray, sums: np.ndarray, rule: str) -> None:
    """Raise ``ValueError`` where a sum at one of the moments is not 1."""
    wrong = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
    if wrong.size:
        progress, total = moments[wrong[0]], sums[wrong[0]]
        raise ValueError(f"{rule}, but at progress {progress:g} they sum to {total:g}")
