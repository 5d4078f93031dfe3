"""Personal data as byte spans: addresses, numbers and keys that must not be learnt by heart.

Two kernels propose places in passes over the bytes (`sign_candidates`, `number_candidates`), so
that no regular expression reads the whole text. What stands there is judged: addresses and
telephones by `contacts`, numbers by their checksums (`checksums`), keys by their marks or their
randomness (`secrets`); these modules say what is deliberately not found. The documents stay as they
are: `edits` says which placeholder replaces what when shards are made.

The price of precision is recall: names, postal addresses and identity numbers are not looked for at
all, nor is what is spelt out ("name at host dot org") or not in ASCII. Python's ``ipaddress`` and
the version of ``phonenumbers`` (both hold data that ages) take part in the output.
"""

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.curation.personal_data.contacts import (
    international_phone,
    is_email,
    is_public_address,
    national_phone,
)
from midtrain_dagster.tokens.edits import EDIT

if TYPE_CHECKING:
    import numpy as np

    from midtrain_dagster.core.text_buffer import Text

VERSION = 1

CHUNK_BYTES = 8_000_000
"""Text searched at a time, to bound memory; a longer text is searched alone."""

Type = Literal["secret", "iban", "card", "email", "ip_address", "phone"]
TYPES: tuple[Type, ...] = get_args(Type)
"""Most specific first: of two spans that overlap, the one whose type comes first stays (of one type
the longer, then the earlier)."""

PLACEHOLDERS: dict[str, str] = {name: f"<{name.upper()}>" for name in TYPES}

PERSONAL_DATA = pl.Schema(
    {"id": pl.String(), "start": pl.UInt64(), "stop": pl.UInt64(), "type": pl.String()}
)


class PersonalData(FrozenModel):
    """Which personal data is looked for in documents of every kind."""

    types: list[Type] = Field(list(TYPES), min_length=1)
    """What is looked for."""
    phone_regions: list[str] = Field(
        ["US"],
        description="countries (ISO 3166) whose national forms count; others need a leading +",
    )


def personal_data(
    documents: pl.DataFrame, *, types: list[str], phone_regions: list[str] | None = None
) -> dict[str, pl.DataFrame]:
    """Find personal data. Input columns: id, text.

    Returns ``{"personal_data": id, start, stop, type}``: a row for each span, in the order of the
    documents and of their text; spans of a document do not overlap. A null text has none.
    Raises ValueError for an unknown type or region.
    """
    from midtrain_dagster.core.text_buffer import chunks, text_buffer

    regions = phone_regions or []
    _check(types, regions)
    present = documents.select("id", "text").filter(pl.col("text").is_not_null())
    tables = [PERSONAL_DATA.to_frame()]
    for first, texts in chunks(present["text"], CHUNK_BYTES):
        text = text_buffer(texts)
        spans = _without_overlaps(list(_spans(text, set(types), regions)))
        rows = [document for document, *_ in spans]
        tables.append(
            pl.DataFrame(
                {
                    "id": present["id"].slice(first, len(texts)).gather(rows),
                    "start": [start for _, start, _, _ in spans],
                    "stop": [stop for _, _, stop, _ in spans],
                    "type": [type_ for *_, type_ in spans],
                },
                schema=PERSONAL_DATA,
            )
        )
    return {"personal_data": pl.concat(tables)}


def edits(spans: pl.DataFrame) -> pl.DataFrame:
    """The edits that put placeholders in the place of ``spans`` (id, start, stop, type).

    Returns id, edits (a list of `tokens.edits.EDIT`), a row for each document that has any, in
    the order in which they first occur.
    """
    edit = pl.struct(
        pl.col("start").cast(pl.UInt32),
        pl.col("stop").cast(pl.UInt32),
        replacement=pl.col("type").replace_strict(PLACEHOLDERS, return_dtype=pl.String),
    ).cast(EDIT)
    return spans.group_by("id", maintain_order=True).agg(edits=edit)


def _check(types: list[str], regions: list[str]) -> None:
    unknown = sorted(set(types) - set(TYPES))
    if unknown:
        listed, meant = ", ".join(TYPES), did_you_mean(unknown[0], TYPES)
        raise ValueError(f"personal data of type {unknown[0]!r}: known are {listed}{meant}")
    if regions:
        from phonenumbers import SUPPORTED_REGIONS

        unknown = sorted(set(regions) - SUPPORTED_REGIONS)
        if unknown:
            raise ValueError(
                f"phone region {unknown[0]!r} is unknown: use ISO 3166 codes such as US, GB, DE"
            )


Span = tuple[int, int, int, str]
"""Document's number, start and stop in it, type."""


def _spans(text: "Text", types: set[str], regions: list[str]) -> Iterator[Span]:
    """Judge the candidates of a chunk: those at signs, then those at numbers."""
    from midtrain_dagster.curation.personal_data import number_candidates, sign_candidates

    data = text.buffer.tobytes()
    if types & {"email", "secret"}:
        yield from _at_signs(data, _places(text, sign_candidates.sign_candidates), types)
    if types - {"email", "secret"}:
        places = _places(text, number_candidates.number_candidates)
        yield from _at_numbers(data, places, types, regions)


Place = tuple[int, int, int, int, int, int]
"""Candidate's kind, start and stop, number of its document, where that begins and ends."""


def _places(
    text: "Text", candidates: Callable[["np.ndarray", "np.ndarray"], "np.ndarray"]
) -> Iterator[Place]:
    found = candidates(text.buffer, text.offsets)
    numbers = text.offsets.searchsorted(found[:, 1], side="right") - 1
    columns = (*found.T, numbers, text.offsets[numbers], text.offsets[numbers + 1])
    return zip(*(column.tolist() for column in columns), strict=True)


def _at_signs(data: bytes, places: Iterable[Place], types: set[str]) -> Iterator[Span]:
    from midtrain_dagster.curation.personal_data.secrets import (
        looks_random,
        marked_secret,
        names_public_key,
    )
    from midtrain_dagster.curation.personal_data.sign_candidates import ASSIGNED_SECRET, EMAIL

    for kind, start, stop, number, begin, end in places:
        reached = stop
        if kind == EMAIL:
            before, after = data[max(begin, start - 3) : start], data[stop : min(end, stop + 1)]
            type_, found = "email", is_email(data[start:stop], before, after)
        elif kind == ASSIGNED_SECRET:
            before = data[max(begin, start - 48) : start]
            type_ = "secret"
            found = looks_random(data[start:stop]) and not names_public_key(before)
        else:
            reached = marked_secret(data, start, end)
            type_, found = "secret", reached > start
        if found and type_ in types:
            yield number, start - begin, reached - begin, type_


def _at_numbers(
    data: bytes, places: Iterable[Place], types: set[str], regions: list[str]
) -> Iterator[Span]:
    from midtrain_dagster.curation.personal_data import number_candidates as candidate
    from midtrain_dagster.curation.personal_data.checksums import iban_length, is_card

    type_of = {
        candidate.IP_ADDRESS: "ip_address",
        candidate.INTERNATIONAL_PHONE: "phone",
        candidate.NATIONAL_PHONE: "phone",
        candidate.IBAN: "iban",
        candidate.CARD: "card",
    }
    for kind, start, stop, number, begin, _ in places:
        if type_of[kind] not in types:
            continue
        found = data[start:stop]
        first, last = 0, 0
        if kind == candidate.IP_ADDRESS:
            last = len(found) * is_public_address(found, data[max(begin, start - 24) : start])
        elif kind == candidate.INTERNATIONAL_PHONE:
            last = international_phone(found)
        elif kind == candidate.NATIONAL_PHONE:
            first, last = national_phone(found, regions)
        elif kind == candidate.IBAN:
            last = iban_length(found)
        else:
            last = len(found) * is_card(found)
        if last > first:
            yield number, start + first - begin, start + last - begin, type_of[kind]


def _without_overlaps(spans: list[Span]) -> list[Span]:
    """The spans that stay where some overlap, by document and start."""
    order: dict[str, int] = {type_: rank for rank, type_ in enumerate(TYPES)}
    stay: list[Span] = []
    for span in sorted(spans, key=lambda span: (order[span[3]], span[1] - span[2], span[:2])):
        document, start, stop, _ = span
        at = bisect(stay, span)
        before = stay[at - 1] if at else None
        after = stay[at] if at < len(stay) else None
        reaches = before is not None and before[0] == document and before[2] > start
        if not reaches and (after is None or after[0] != document or after[1] >= stop):
            stay.insert(at, span)
    return stay
