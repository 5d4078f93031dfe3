"""Token shards: one flat file of token ids a part, and an index that says whose they are.

A shard is immutable and made once; training maps it into memory and reads spans of documents, in
whatever order the plan asks for. Every document ends with one end-of-text token, and begins as the
tokenizer begins a text, with BOS or with nothing (``specials.py``). No other control token is in
it: text that happens to spell ``<|endoftext|>`` or another control token is encoded as
the characters it is (``text_encoder.py``), so no document can forge a boundary or a chat role.
Conversations end as their chat template ends them, and their shards have a third file: which tokens
an assistant says (``chat_splits.py``).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.edits import apply_edits
from midtrain_dagster.tokens.kept_tokenizer import kept_tokenizer

__all__ = ["INDEX", "ShardError", "TokenShards", "apply_edits", "token_dtype", "tokenize"]

VERSION = 2
USES = (text_encoder,)

INDEX = pl.Schema({"id": pl.String, "domain": pl.String, "offset": pl.UInt64, "length": pl.UInt32})
"""One row a document: ``length`` tokens from token ``offset`` of the shard, in order, no gaps."""

BATCH_BYTES = 2 << 20
"""Text encoded at a time: an encoding takes some 100 times the memory of the ids it holds."""

BATCHES_AT_ONCE = 2
"""While one batch waits for its longest document or becomes an array, the cores have another."""


class ShardError(ValueError):
    """A shard whose files do not agree with each other; the message names the file."""


def token_dtype(vocabulary: int) -> np.dtype:
    """The type of a token on disk: little-endian uint16 where the vocabulary fits, else uint32."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


def tokenize(
    documents: pl.DataFrame,
    *,
    tokenizer: Path,
    opening: Sequence[int] = (),
    before: np.ndarray | None = None,
) -> dict[str, Any]:
    """Encode one part of documents (id, domain, text).

    Returns ``tokens``, a flat array of the type ``token_dtype`` says, and ``index``, a table with
    the schema ``INDEX``. Before a document stands ``opening``; an empty one has its end alone.
    Where tokens from ``before`` are given, documents have two columns more, ``offset`` and
    ``length``: null, or where theirs stand there, which are taken. The tokenizers library encodes
    on all cores that ``RAYON_NUM_THREADS`` allows. Raises ValueError
    naming a document without text.
    """
    missing = documents.filter(pl.any_horizontal(pl.col("id", "domain", "text").is_null()))
    if missing.height:
        raise ValueError(f"document {missing['id'][0]}: id, domain and text must not be null")
    kept = kept_tokenizer(tokenizer)
    encoder, dtype, end = kept.encoder, token_dtype(kept.vocabulary), (kept.end,)

    def encode(batch: list[str]) -> tuple[np.ndarray, np.ndarray]:
        encodings = encoder.encode_batch_fast(batch, add_special_tokens=False)
        ids = [encoding.ids for encoding in encodings]
        count = np.fromiter(map(len, ids), np.uint32, len(ids))
        count += np.uint32(1) + np.uint32(len(opening)) * (count > 0)
        pieces = chain.from_iterable(
            chain.from_iterable((opening if document else (), document, end) for document in ids)
        )
        return np.fromiter(pieces, dtype, int(count.sum(dtype=np.int64))), count

    new = documents if before is None else documents.filter(pl.col("offset").is_null())
    with ThreadPoolExecutor(BATCHES_AT_ONCE) as pool:
        made = list(pool.map(encode, _batches(new["text"])))
    length = np.concatenate([np.empty(0, np.uint32), *(count for _, count in made)])
    tokens = np.concatenate([np.empty(0, dtype), *(flat for flat, _ in made)])
    if before is not None:
        tokens, length = _merged(documents, tokens, length, before)
    stop = np.cumsum(length, dtype=np.uint64)
    index = documents.select("id", "domain", offset=pl.Series(stop - length), length=length)
    return {"tokens": tokens, "index": index.cast(INDEX)}


def _merged(
    documents: pl.DataFrame, tokens: np.ndarray, length: np.ndarray, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All documents' tokens in order, and their lengths, of those that are new and those that are
    there."""
    taken = documents["offset"].is_not_null().to_numpy()
    lengths = documents["length"].fill_null(0).to_numpy().astype(np.uint32)
    lengths[~taken] = length
    starts = documents["offset"].fill_null(0).to_numpy().astype(np.int64)
    starts[~taken] = np.cumsum(length, dtype=np.int64) - length
    spans = zip(taken, starts, starts + lengths, strict=True)
    pieces = [(before if there else tokens)[start:stop] for there, start, stop in spans]
    return np.concatenate([tokens[:0], *pieces]), lengths


def _batches(text: pl.Series) -> list[list[str]]:
    """The texts in order, cut where the bytes so far pass a multiple of ``BATCH_BYTES``."""
    number = text.str.len_bytes().cast(pl.Int64).cum_sum() // BATCH_BYTES
    table = pl.DataFrame({"text": text, "batch": number})
    return [part["text"].to_list() for part in table.partition_by("batch", maintain_order=True)]


class TokenShards:
    """The shards of all parts, as one numbered sequence of documents.

    A document's number is its place in the order of the parts, then of the rows. Opening reads the
    indexes and maps the tokens; it holds no file open, so the number of parts is bounded by the
    system's limit on mappings (65,530 by default on Linux), not on open files.

    Attributes: ``ids`` (String series), ``domains`` (their names, sorted), ``domain_of`` (uint16
    number in ``domains``, one a document), ``lengths`` (int64 tokens, one a document),
    ``tokens_of`` (total tokens by domain).
    """

    def __init__(
        self,
        files: Sequence[Path],
        index: pl.DataFrame,
        *,
        dtype: np.dtype,
        targets: Sequence[Path | None] = (),
    ) -> None:
        """Made by ``open``; ``index`` is the parts' indexes with the number of their part."""
        self._files, self._index, self._dtype = list(files), index, dtype
        self._targets = list(targets)
        self.ids = index["id"]
        self.domains: list[str] = index["domain"].unique().sort().to_list()
        domain_of = index["domain"].cast(pl.Enum(self.domains)).to_physical().cast(pl.UInt16)
        self.domain_of = domain_of.to_numpy()
        self.lengths = index["length"].cast(pl.Int64).to_numpy()
        totals = np.bincount(self.domain_of, self.lengths, minlength=len(self.domains))
        self.tokens_of = dict(zip(self.domains, totals.astype(np.int64).tolist(), strict=True))
        self._part = index["part"].to_numpy()
        self._offset = index["offset"].cast(pl.Int64).to_numpy()
        self._by_domain = np.argsort(self.domain_of, kind="stable")
        self._maps = [_map(file, dtype) for file in self._files]
        self._bits = [file and _map(file, np.dtype(np.uint8)) for file in self._targets]

    @classmethod
    def open(
        cls,
        parts: Sequence[tuple[Path | str, pl.DataFrame | Path | str]],
        *,
        dtype: np.dtype | str,
        targets: Sequence[Path | None] = (),
    ) -> "TokenShards":
        """Open parts, each a token file and its index (a table, or a Parquet file of it).

        ``targets`` are the parts' files of bits, None for those that have none; without any, no
        part has one. Raises ShardError naming the file where an index has gaps, a file is longer
        or shorter than its index says, or an id comes twice.
        """
        dtype = np.dtype(dtype).newbyteorder("<")
        files = [Path(tokens) for tokens, _ in parts]
        tables = [pl.DataFrame(schema={**INDEX, "part": pl.UInt32})]
        for number, (file, (_, index)) in enumerate(zip(files, parts, strict=True)):
            table = index if isinstance(index, pl.DataFrame) else pl.read_parquet(index, glob=False)
            table = table.select(INDEX.names()).cast(INDEX)
            _check_index(file, table, dtype)
            _check_targets(targets[number] if targets else None, table)
            tables.append(table.with_columns(part=pl.lit(number, pl.UInt32)))
        whole = pl.concat(tables)
        if whole["id"].n_unique() != whole.height:
            row = whole.row(int(whole["id"].is_duplicated().arg_max() or 0), named=True)
            raise ShardError(f"{files[row['part']]}: document {row['id']} is there more than once")
        return cls(files, whole, dtype=dtype, targets=targets)

    @classmethod
    def without_tokens(cls, index: pl.DataFrame) -> "TokenShards":
        """The documents of an index (``INDEX``) and their lengths; the tokens stay where they are.
        It is enough for a plan, which looks at lengths alone."""
        return cls([], index.with_columns(part=pl.lit(0, pl.UInt32)), dtype=np.dtype("<u2"))

    def __len__(self) -> int:
        return self._index.height

    def tokens(self, document: int, start: int, stop: int) -> np.ndarray:
        """Tokens ``[start, stop)`` of a document: a read-only view, in the type of the files."""
        if not 0 <= start <= stop <= self.lengths[document]:
            raise IndexError(
                f"document {document} has {self.lengths[document]} tokens, not [{start}, {stop})"
            )
        offset = self._offset[document]
        return self._maps[self._part[document]][offset + start : offset + stop]

    def targets(self, document: int, start: int, stop: int) -> np.ndarray | None:
        """Which of the tokens ``[start, stop)`` of a document an assistant says (booleans).

        None for a document that is no conversation.
        """
        bits = self._bits[self._part[document]] if self._bits else None
        if bits is None:
            return None
        first = int(self._offset[document]) + start
        last = first + stop - start
        begin = first // 8
        return np.unpackbits(bits[begin : -(-last // 8)])[first - 8 * begin : last - 8 * begin] > 0

    def documents_of(self, domain: str) -> np.ndarray:
        """The numbers of a domain's documents, ascending; empty for an unknown domain."""
        if domain not in self.tokens_of:
            return np.empty(0, np.int64)
        number = self.domains.index(domain)
        ordered = self.domain_of[self._by_domain]
        first, last = np.searchsorted(ordered, (number, number + 1))
        return self._by_domain[first:last]

    def number_of(self, identity: str) -> int:
        """The number of the document with this id; KeyError if there is none."""
        found = (self.ids == identity).arg_true()
        if not len(found):
            raise KeyError(f"no document {identity!r} in the token shards")
        return int(found[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # Travels to other processes as the index and the names of the files, never the tokens.
        return _reopen, (self._files, self._index, self._dtype, self._targets)


def _reopen(
    files: list[Path], index: pl.DataFrame, dtype: np.dtype, targets: list[Path | None]
) -> TokenShards:
    return TokenShards(files, index, dtype=dtype, targets=targets)


def _check_index(file: Path, index: pl.DataFrame, dtype: np.dtype) -> None:
    length = index["length"].cast(pl.UInt64)
    stop = length.cum_sum()
    if index.null_count().sum_horizontal().item() or not (index["offset"] == stop - length).all():
        raise ShardError(f"{file}: its index has nulls, gaps or overlaps; make the shard again")
    expected = int(length.sum()) * dtype.itemsize
    if not file.is_file():
        raise ShardError(f"{file}: the token file of an index is missing; make the shard again")
    found = file.stat().st_size
    if found != expected:
        raise ShardError(
            f"{file}: {found} bytes, but its index describes {expected} "
            f"({length.sum()} tokens of {dtype}); make the shard again"
        )


def _check_targets(file: Path | None, index: pl.DataFrame) -> None:
    if file is None:
        return
    expected = -(-int(index["length"].cast(pl.UInt64).sum()) // 8)
    if not file.is_file() or file.stat().st_size != expected:
        raise ShardError(
            f"{file}: not the {expected} bytes that its index describes; make the shard again"
        )


def _map(file: Path, dtype: np.dtype) -> np.ndarray:
    with pa.memory_map(str(file)) as mapped:
        return np.frombuffer(mapped.read_buffer(), dtype)
