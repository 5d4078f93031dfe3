"""Every reader on good files that were damaged: truncated, flipped, spliced.

Whatever is in a file, its reader raises nothing. Where a format says where a record ends, all
records that the damage did not touch are there, and none that was not there before.
"""

import base64
import gzip
import hashlib
import io
import json
import random
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from midtrain_dagster.collection.read import read
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.source_file import SourceFile

WORDS = ("otter", "stone", "kelp", "ocean", "favourite", "river", "mussels", "na\u00efve", "float")
NUMBER = 12
MOST_BYTES = 200_000


def text(number: int) -> str:
    drawn = random.Random(number)
    return f"Document {number}: " + " ".join(drawn.choices(WORDS, k=40 + 10 * number)) + "."


TEXTS = [text(number) for number in range(NUMBER)]


class Good(NamedTuple):
    """A good file as the parts that a damage costs, and the texts of each part."""

    reader: str
    name: str
    parts: Sequence[bytes]
    texts: Sequence[Sequence[str]]
    head: bytes = b""
    foot: bytes = b""
    keeps_untouched: bool = True
    """Whether untouched parts survive a damage elsewhere."""
    has_offsets: bool = False
    """Whether its parts are found by their places, so that none may move."""
    adds_none: bool = True
    """Whether no text comes that was not there: a checksum tells."""

    @property
    def data(self) -> bytes:
        return b"".join([self.head, *self.parts, self.foot])


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKED: dict[str, Callable[[bytes], bytes]] = {".gz": lambda data: gzip.compress(data, mtime=0)}
PACKED[".zst"] = zst


def lines(numbers: Sequence[int]) -> bytes:
    return b"".join(json.dumps({"text": TEXTS[n], "n": n}).encode() + b"\n" for n in numbers)


def json_lines(packed: str) -> Good:
    pairs = [range(n, n + 2) for n in range(0, NUMBER, 2)]
    if not packed:
        single = [lines([n]) for n in range(NUMBER)]
        return Good("json_lines", "a.jsonl", single, [[t] for t in TEXTS], adds_none=False)
    parts = [PACKED[packed](lines(pair)) for pair in pairs]
    return Good("json_lines", f"a.jsonl{packed}", parts, [[TEXTS[n] for n in p] for p in pairs])


def warc_record(number: int, kind: str, block: bytes) -> bytes:
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:{number}>\r\n"
        f"WARC-Target-URI: https://example.org/{number}\r\nWARC-Block-Digest: sha1:{digest}\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def wet(packed: str) -> Good:
    pack = PACKED.get(packed, bytes)
    parts = [pack(warc_record(n, "conversion", t.encode())) for n, t in enumerate(TEXTS)]
    return Good("wet", f"a.wet{packed}", parts, [[t] for t in TEXTS], adds_none=bool(packed))


def warc(packed: str) -> Good:
    pack = PACKED.get(packed, bytes)
    numbers = range(5)
    pages = [f"<html><body><article><p>{TEXTS[n] * 2}</p></article></body></html>" for n in numbers]
    parts = []
    for number, page in zip(numbers, pages, strict=True):
        body = gzip.compress(page.encode(), mtime=0) if number % 2 else page.encode()
        coding = "Content-Encoding: gzip\r\n" if number % 2 else ""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{coding}\r\n"
        parts.append(pack(warc_record(number, "response", head.encode() + body)))
    return Good(
        "warc", f"a.warc{packed}", parts, [[TEXTS[n] * 2] for n in numbers], adds_none=False
    )


def parquet(compression: str) -> Good:
    buffer = io.BytesIO()
    table = pa.table({"text": TEXTS, "n": list(range(NUMBER))})
    pq.write_table(
        table, buffer, row_group_size=3, write_page_checksum=True, compression=compression
    )
    data = buffer.getvalue()
    groups = pq.ParquetFile(buffer).metadata
    starts = [
        groups.row_group(n).column(0).dictionary_page_offset for n in range(groups.num_row_groups)
    ]
    foot = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    parts = [data[start:stop] for start, stop in pairwise([*starts, foot])]
    texts = [TEXTS[n : n + 3] for n in range(0, NUMBER, 3)]
    return Good("parquet", "a.parquet", parts, texts, data[:4], data[foot:], has_offsets=True)


def stack_exchange() -> Good:
    parts = [
        f'  <row Id="{2 * n + 1}" PostTypeId="1" Title="t{n}" Body="&lt;p&gt;{n}" Score="{n}" />\n'
        f'  <row Id="{2 * n + 2}" PostTypeId="2" ParentId="{2 * n + 1}" Score="3" Body="a{n}" />\n'
        for n in range(NUMBER)
    ]
    texts = [[f"Question: t{n}\n\n{n}\n\nAnswer: a{n}"] for n in range(NUMBER)]
    head = b'<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
    packed = [part.encode() for part in parts]
    return Good("stack_exchange", "P.xml", packed, texts, head, b"</posts>", False, adds_none=False)


def one_document(reader: str, name: str, data: bytes) -> Good:
    return Good(reader, name, [data], [[]], keeps_untouched=False, adds_none=False)


MANUAL = '.TH OTTER 1 "2026-01-02"\n.SH NAME\notter \\- floats\n.SH DESCRIPTION\n' + (
    ".PP\nThe \\fBotter\\fR \\(em it floats.\n.IP \\(bu 2\nkelp\n.nf\ncode\n.fi\n" * 8
)
PAGE = "<html><head><meta charset=utf-8></head><body><article>" + "".join(
    f"<p>{each}</p><pre>x = {number}</pre>" for number, each in enumerate(TEXTS[:4])
)

GOOD: dict[str, Good] = {
    **{f"json_lines{packed}": json_lines(packed) for packed in ("", ".gz", ".zst")},
    **{f"wet{packed}": wet(packed) for packed in ("", ".gz", ".zst")},
    **{f"warc{packed}": warc(packed) for packed in ("", ".gz", ".zst")},
    **{f"parquet {name}": parquet(name) for name in ("none", "snappy", "zstd")},
    "stack_exchange": stack_exchange(),
    "html": one_document("html", "a.html", PAGE.encode()),
    "html.gz": one_document("html", "a.html.gz", gzip.compress(PAGE.encode(), mtime=0)),
    "text.zst": one_document("text", "a.txt.zst", zst(TEXTS[3].encode())),
    "manual_page": one_document("manual_page", "a.1", MANUAL.encode()),
}


def good(name: str) -> Good:
    """A good file; PDFium writes one only when it is asked for."""
    if name != "pdf":
        return GOOD[name]
    from tests.midtrain_dagster.collection.readers.test_pdf import LINES, written

    return one_document("pdf", "a.pdf", written([[*LINES, str(page)] for page in range(3)]))


EVERY = [*GOOD, "pdf"]


class Cut(NamedTuple):
    """Bytes from ``start`` to ``stop`` become others; both are shares of the file, in 1/65536."""

    start: int
    length: int
    new: bytes | int
    """Bytes, a bit to flip, or how far behind the start to copy from."""

    def applied(self, data: bytes) -> tuple[bytes, int, int]:
        """The damaged bytes, and the first and last place of the good ones that it touched."""
        start = self.start * len(data) >> 16
        if isinstance(self.new, int) and self.length == 0:
            flipped = bytes([data[start] ^ 1 << self.new % 8]) if data else b""
            return data[:start] + flipped + data[start + 1 :], start, start + 1
        stop = min(len(data), start + self.length)
        new = self.new
        if isinstance(new, int):
            new = data[start + new : start + new + self.length]
        return data[:start] + new + data[stop:], start, stop


CUTS = st.one_of(
    st.builds(Cut, st.integers(0, 65535), st.just(0), st.integers(0, 7)),  # a bit
    st.builds(Cut, st.integers(0, 65535), st.just(1 << 30), st.just(b"")),  # truncated
    st.builds(Cut, st.integers(0, 65535), st.integers(0, 300), st.binary(max_size=80)),
    st.builds(Cut, st.integers(0, 65535), st.integers(1, 200), st.just(b"")),  # a hole
    st.builds(Cut, st.integers(0, 65535), st.integers(1, 400), st.integers(-400, 400)),
    st.integers(1, 600).flatmap(
        lambda size: st.builds(
            Cut, st.integers(0, 65535), st.sampled_from([0, size]), st.just(bytes(size))
        )
    ),
)


def collected(file: Good, folder: Path, data: bytes) -> tuple[list[str], int]:
    """The texts that a damaged file gives, and how many records were rejected or none."""
    path = folder / file.name
    path.write_bytes(data)
    fields: dict[str, Any] = {"reader": file.reader, "paths": ["."], "domain": "w", "kind": "prose"}
    keep = {"keep": ["n"]} if file.reader in ("json_lines", "parquet") else {}
    source: Any = TypeAdapter(Source).validate_python(fields | keep)
    whole = SourceFile(name=file.name, uri=str(path), bytes=len(data), digest=str(len(data)))
    texts: list[str] = []
    rejected = 0
    for piece in source.pieces(whole, 1000):
        for name, output in read(
            "w", source, [piece], part_bytes=4000, max_document_bytes=MOST_BYTES
        ):
            if name == "documents":
                table = output.table if isinstance(output, InPlace) else output
                texts += table["text"].to_list()
            elif name == "outcomes":
                assert not isinstance(output, InPlace)
                lost = output.filter(output["outcome"] != "document")
                rejected += int(lost["records"].sum())
    return texts, rejected


def check(name: str, folder: Path, cuts: list[Cut]) -> None:
    file = good(name)
    data, untouched = file.data, list(zip(file.parts, file.texts, strict=True))
    if len(cuts) == 1 and file.keeps_untouched:
        data, start, stop = cuts[0].applied(data)
        bounds = pairwise(accumulate(map(len, file.parts), initial=len(file.head)))
        touched = [first <= stop and start <= last for first, last in bounds]
        moved = file.has_offsets and len(data) != len(file.data)
        if moved or (file.has_offsets and stop >= len(file.data) - len(file.foot)):
            touched = [True] * len(touched)
        untouched = [part for part, hit in zip(untouched, touched, strict=True) if not hit]
    else:
        untouched = []
        for cut in cuts:
            data, *_ = cut.applied(data)
    texts, rejected = collected(file, folder, data)
    every = {each for part in file.texts for each in part}
    for _, kept in untouched:
        for each in kept:
            assert each in texts
    if len(cuts) == 1 and file.adds_none:
        assert set(texts) <= every
        # A hole is never seen where a member was, and zero bytes between members are padding.
        unseen = len(data) < len(file.data) or cuts[0].new in (b"", bytes(cuts[0].length))
        assert rejected or len(texts) == len(every) or unseen


@pytest.mark.parametrize("name", EVERY)
def test_good_files_are_read_whole(tmp_path: Path, name: str) -> None:
    file = good(name)
    texts, rejected = collected(file, tmp_path, file.data)
    every = [each for part in file.texts for each in part]
    assert texts == every or (not every and len(texts) == 1)
    assert not rejected


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(CUTS, min_size=1, max_size=1))
def test_damage_costs_what_it_touches(
    tmp_path_factory: pytest.TempPathFactory, name: str, cuts: list[Cut]
) -> None:
    check(name, tmp_path_factory.mktemp("damaged"), cuts)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=150, deadline=None)
@given(cuts=st.lists(CUTS, min_size=1, max_size=3))
def test_no_damage_is_raised(
    tmp_path_factory: pytest.TempPathFactory, name: str, cuts: list[Cut]
) -> None:
    check(name, tmp_path_factory.mktemp("damaged"), cuts)
