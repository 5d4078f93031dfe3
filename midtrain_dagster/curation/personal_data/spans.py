"""Personal data as byte spans: addresses, numbers and keys that must not be learnt by heart.

The text is folded first (`folding`), so that spaces, digits and hyphens of every script are read
alike. Two kernels propose places in passes over the bytes (`sign_candidates`, `number_candidates`),
so that no regular expression reads the whole text, and a scanner finds the keys that vendors mark
(`key_scanner`). What stands at a place is judged: addresses by `emails` and `ip_addresses`,
telephones by `phones`, numbers by their checksums (`checksums`), values of keys by their randomness
(`secrets`); these modules say what is deliberately not found. The documents stay as they are:
`edits` says which placeholder replaces what when shards are made.

The price of precision is recall: names, postal addresses and identity numbers are not looked for at
all, nor is what is spelt out ("name at host dot org"). Python's ``ipaddress`` and the versions of
``phonenumbers``, ``publicsuffixlist`` and ``kingfisher-secret-scanner`` (all hold data that ages)
take part in the output. What is found of what is planted: docs/personal-data.md.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.tokens.edits import EDIT

if TYPE_CHECKING:
    import numpy as np

    from midtrain_dagster.core.text_buffer import Text

VERSION = 3

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
        spans = _without_overlaps(_spans(text_buffer(texts), set(types), tuple(regions)))
        ids = present["id"].slice(first, len(texts)).gather(spans["document"])
        tables.append(spans.select(ids, "start", "stop", pl.col("type")).cast(PERSONAL_DATA))
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
"""Document's number, start and stop in the folded buffer, type."""


def _spans(text: "Text", types: set[str], regions: tuple[str, ...]) -> pl.DataFrame:
    """Fold a chunk, judge its candidates, and lead what is found back to the text as written.

    Returns document (its number), start, stop, type.
    """
    import numpy as np

    from midtrain_dagster.curation.personal_data.folding import folded
    from midtrain_dagster.curation.personal_data.number_candidates import number_candidates
    from midtrain_dagster.curation.personal_data.sign_candidates import sign_candidates

    fold = folded(text)
    data = fold.text.buffer.tobytes()
    found: list[Span] = []
    if types & {"email", "secret"}:
        found += _at_signs(data, _places(fold.text, sign_candidates), types)
    if "secret" in types:
        found += _keys(fold.text, data)
    if types - {"email", "secret"}:
        found += _at_numbers(data, _places(fold.text, number_candidates), types, regions)
    document, start, stop, type_ = zip(*found, strict=True) if found else ((), (), (), ())
    numbers = np.array(document, np.int64)
    bounds = np.array((start, stop), np.int64).T.reshape(-1, 2)
    written = fold.spans(bounds) - text.offsets[numbers][:, None]
    columns = {"document": numbers, "start": written[:, 0], "stop": written[:, 1]}
    return pl.DataFrame(columns).with_columns(type=pl.Series(type_, dtype=pl.String))


Place = tuple[int, int, int, int, int, int]
"""Candidate's kind, start and stop, number of its document, where that begins and ends."""


def _places(
    text: "Text", candidates: Callable[["np.ndarray", "np.ndarray"], "np.ndarray"]
) -> Iterator[Place]:
    found = candidates(text.buffer, text.offsets)
    numbers = text.offsets.searchsorted(found[:, 1], side="right") - 1
    columns = (*found.T, numbers, text.offsets[numbers], text.offsets[numbers + 1])
    return zip(*(column.tolist() for column in columns), strict=True)


def _keys(text: "Text", data: bytes) -> Iterator[Span]:
    from midtrain_dagster.curation.personal_data.key_scanner import marked_keys
    from midtrain_dagster.curation.personal_data.secrets import is_placeholder

    for number, start, stop in marked_keys(text):
        if not is_placeholder(data[start:stop]):
            yield number, start, stop, "secret"


def _at_signs(data: bytes, places: Iterator[Place], types: set[str]) -> Iterator[Span]:
    from midtrain_dagster.curation.personal_data import emails
    from midtrain_dagster.curation.personal_data.secrets import looks_random, names_public_key
    from midtrain_dagster.curation.personal_data.sign_candidates import EMAIL

    for kind, start, stop, number, begin, end in places:
        if kind == EMAIL and "email" in types:
            before = _text(data[max(begin, start - emails.LOOKS_BACK) : start])
            behind = _text(data[stop : min(end, stop + emails.LOOKS_AHEAD)])
            found = _text(data[start:stop])
            first, last = emails.email(found, before, behind)
            if last > first:
                at = start + len(found[:first].encode())
                yield number, at, at + len(found[first:last].encode()), "email"
        elif kind != EMAIL and "secret" in types:
            before_value = data[max(begin, start - 48) : start]
            if looks_random(data[start:stop]) and not names_public_key(before_value):
                yield number, start, stop, "secret"


def _at_numbers(
    data: bytes, places: Iterator[Place], types: set[str], regions: tuple[str, ...]
) -> Iterator[Span]:
    from midtrain_dagster.curation.personal_data import (
        checksums,
        ip_addresses,
        phones,
    )
    from midtrain_dagster.curation.personal_data import (
        number_candidates as candidate,
    )

    type_of = {
        candidate.IP_ADDRESS: "ip_address",
        candidate.INTERNATIONAL_PHONE: "phone",
        candidate.NATIONAL_PHONE: "phone",
        candidate.IBAN: "iban",
        candidate.CARD: "card",
    }
    for kind, start, stop, number, begin, end in places:
        type_ = type_of[kind]
        if type_ not in types:
            continue
        found = data[start:stop].decode("ascii")
        last = 0
        if kind == candidate.IP_ADDRESS:
            before = _text(data[max(begin, start - ip_addresses.LOOKS_BACK) : start])
            last = len(found) * ip_addresses.is_public_address(found, before)
        elif kind == candidate.IBAN:
            last = len(found) * checksums.is_iban(found)
        elif kind == candidate.CARD:
            before = _text(data[max(begin, start - checksums.LOOKS_BACK) : start])
            behind = _text(data[stop : min(end, stop + checksums.LOOKS_AHEAD)])
            last = len(found) * checksums.is_card(found, before, behind)
        elif kind == candidate.INTERNATIONAL_PHONE:
            before = _text(data[max(begin, start - phones.LOOKS_BACK) : start])
            behind = _text(data[stop : min(end, stop + phones.LOOKS_AHEAD)])
            last = phones.international_phone(found, before, behind)
        elif last := phones.national_number(found, regions):
            before = _text(data[max(begin, start - phones.LOOKS_BACK) : start])
            behind = _text(data[start + last : min(end, stop + phones.LOOKS_AHEAD)])
            last *= phones.is_phone(found[:last], before, behind)
        if last:
            yield number, start, start + last, type_


def _text(data: bytes) -> str:
    """Bytes of a text, perhaps cut within a sign."""
    return data.decode("utf-8", errors="ignore")


def _without_overlaps(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans that stay where some overlap, by document and start."""
    spans = spans.sort("document", "start", "stop")
    reached = pl.col("stop").cum_max().shift(1).over("document")
    cluster = (pl.col("start") >= reached).fill_null(value=True).cum_sum()
    spans = spans.with_columns(cluster=cluster)
    alone = pl.len().over("cluster") == 1
    crowded = spans.filter(~alone)
    if crowded.is_empty():
        return spans.drop("cluster")
    order = pl.col("type").replace_strict({name: rank for rank, name in enumerate(TYPES)})
    ranked = crowded.sort("document", order, pl.col("start") - pl.col("stop"), "start")
    stay = ranked.filter(pl.Series(list(_free(ranked)), dtype=pl.Boolean))
    return pl.concat([spans.filter(alone), stay]).sort("document", "start").drop("cluster")


def _free(ranked: pl.DataFrame) -> Iterator[bool]:
    """Whether each span, best first, overlaps none that stays; linear in the spans' bytes."""
    taken: dict[int, bytearray] = {}
    for cluster, start, stop, least in ranked.select(
        "cluster", "start", "stop", least=pl.col("start").min().over("cluster")
    ).iter_rows():
        marks = taken.setdefault(cluster, bytearray())
        first, last = start - least, stop - least
        marks.extend(bytes(max(0, last - len(marks))))
        free = marks.find(1, first, last) < 0
        if free:
            marks[first:last] = b"\1" * (last - first)
        yield free
