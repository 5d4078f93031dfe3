"""fastText's supervised models, folded to one number for each feature and applied by a kernel.

A fastText classifier (Joulin et al. 2016, arXiv 1607.01759) averages the vectors of a text's words
and word n-grams, multiplies by a matrix and takes the softmax: it is linear up to there. So matrix
and vectors are multiplied once, when the file is read: what stays of a feature is how much it
speaks for each other label against the one that is asked for, which is one number if there are two
labels. A model of gigabytes becomes some megabytes, and rating is a hash, a look-up and an addition
for each token. The library reads a C++ stream and builds Python objects instead.

Probabilities equal the library's to single precision, less the 1e-5 that its ``predict`` adds.
Dense models of words and word n-grams with a softmax are read here, which quality raters are
(DCLM's too); the library itself answers for others: quantised (``.ftz``), with character n-grams,
with another loss.
"""

import struct
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text

_HEADER = struct.Struct("<2i12id")
_COUNTS = struct.Struct("<3i2q")
_SHAPE = struct.Struct("<?2q")
_MAGIC, _VERSION, _SUPERVISED, _SOFTMAX = 793712314, 12, 3, 3
_LABEL = "__label__"
_SEED = 0x811C9DC5
_END_OF_LINE = np.frombuffer(b"</s>", np.uint8)


class FastTextModel(NamedTuple):
    """What of a model tells one label from the others."""

    keys: np.ndarray
    """uint64, an open hash table of the words' hashes; the lower half is fastText's own hash."""
    words: np.ndarray
    """int32, the number of the word in each slot of the table; -1 where it is free."""
    margins: np.ndarray
    """float32, (words + buckets, labels - 1): what a feature says for each other label."""
    buckets: int
    """Rows of ``margins`` for word n-grams, after those of the words."""
    word_ngrams: int
    """The longest run of words that is a feature."""


def probability(text: Text, model: FastTextModel) -> np.ndarray:
    """The label's probability for each document: float32, NaN where the model knows no feature.

    Each document is one line: tokens stand between ASCII white space, line breaks among it.
    """
    means = _mean_margins(text.buffer, text.offsets, *model, _END_OF_LINE)
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp(means).sum(axis=1))).astype(np.float32)


@lru_cache(maxsize=2)
def read_model(path: Path, label: str) -> FastTextModel | None:
    """The model of a file, for one of its labels; None if it must be left to the library.

    Raises FileNotFoundError, and ValueError if the file is no whole fastText model or lacks the
    label.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no fastText model at {path}")
    file = np.memmap(path, np.uint8, "r")
    try:
        return _read(file, label)
    except (struct.error, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _read(file: np.ndarray, label: str) -> FastTextModel | None:
    magic, version, *arguments, _ = _HEADER.unpack_from(file.data)
    if magic != _MAGIC:
        raise ValueError("this is no fastText model")
    word_ngrams, loss, kind, longest = (arguments[index] for index in (5, 6, 7, 10))
    entries, words, _, _, pruned = _COUNTS.unpack_from(file.data, _HEADER.size)
    names = file[_HEADER.size + _COUNTS.size :]
    starts, stops, end = _dictionary(names, entries)
    if end < 0:
        raise ValueError(f"the file ends within the dictionary of {entries} entries")
    labels = [
        names[starts[entry] : stops[entry]].tobytes().decode().removeprefix(_LABEL)
        for entry in range(words, entries)
    ]
    if label not in labels:
        raise ValueError(f"the model has no label {label!r}, only {', '.join(sorted(labels))}")
    if (version, loss, kind, longest) != (_VERSION, _SOFTMAX, _SUPERVISED, 0) or pruned >= 0:
        return None
    vectors, rest = _matrix(names[end:])
    label_vectors, _ = _matrix(rest)
    if vectors is None or label_vectors is None:
        return None
    asked = labels.index(label)
    against = np.delete(label_vectors, asked, axis=0) - label_vectors[asked]
    keys, slots = _word_table(names, starts[:words], stops[:words], 1 << (2 * words).bit_length())
    margins = _products(vectors, against)
    buckets = vectors.shape[0] - words
    return FastTextModel(keys, slots, margins, buckets, word_ngrams if buckets else 1)


def _matrix(file: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """A dense matrix, or None for a quantised one, and what follows it."""
    quantised, rows, columns = _SHAPE.unpack_from(file.data)
    if quantised:
        return None, file
    stop = _SHAPE.size + 4 * rows * columns
    if stop > file.size:
        raise ValueError(f"the file ends within a matrix of {rows} x {columns} numbers")
    return file[_SHAPE.size : stop].view("<f4").reshape(rows, columns), file[stop:]


@jit
def _dictionary(file, entries):  # type: ignore[no-untyped-def]
    """Where each entry's name starts and stops, and where the entries end: -1 if that is no place
    in the file.
    """
    starts = np.empty(entries, np.int64)
    stops = np.empty(entries, np.int64)
    position = 0
    for entry in range(entries):
        starts[entry] = position
        while position < file.size and file[position] != 0:
            position += 1
        stops[entry] = position
        position += 10  # the final zero, eight bytes of a count and one of a type
        if position > file.size:
            return starts, stops, -1
    return starts, stops, position


@jit
def _products(vectors, against):  # type: ignore[no-untyped-def]
    """``vectors @ against.T`` in float64, in an order that no machine changes, as float32."""
    products = np.empty((vectors.shape[0], against.shape[0]), np.float32)
    for row in range(vectors.shape[0]):
        for column in range(against.shape[0]):
            total = 0.0
            for dimension in range(vectors.shape[1]):
                total += np.float64(vectors[row, dimension]) * against[column, dimension]
            products[row, column] = total
    return products


@inlined
def _hashed(state, byte):  # type: ignore[no-untyped-def]
    """fastText's FNV-1a, which takes a byte for a signed number."""
    return (state ^ np.uint32(np.int8(byte))) * np.uint32(0x01000193)


@inlined
def _checked(state, byte):  # type: ignore[no-untyped-def]
    """A second hash beside it, so that two words share a key once in 2^64."""
    return (state + np.uint32(byte)) * np.uint32(0x9E3779B1)


@inlined
def _word(keys, words, hashed, checked):  # type: ignore[no-untyped-def]
    """The number of a word, or -1, and the slot where the search for it ended."""
    key = (np.uint64(checked) << np.uint64(32)) | np.uint64(hashed)
    slot = np.int64(hashed) & (keys.size - 1)
    while words[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & (keys.size - 1)
    return words[slot], slot, key


@jit
def _word_table(names, starts, stops, size):  # type: ignore[no-untyped-def]
    keys = np.zeros(size, np.uint64)
    words = np.full(size, -1, np.int32)
    for word in range(starts.size):
        hashed, checked = np.uint32(_SEED), np.uint32(0)
        for position in range(starts[word], stops[word]):
            hashed = _hashed(hashed, names[position])
            checked = _checked(checked, names[position])
        _, slot, key = _word(keys, words, hashed, checked)
        keys[slot] = key
        words[slot] = word
    return keys, words


@inlined
def _read_token(buffer, position, end, is_space):  # type: ignore[no-untyped-def]
    """Both hashes of the token that starts at a position, and where it stops."""
    hashed, checked = np.uint32(_SEED), np.uint32(0)
    while position < end and not is_space[buffer[position]]:
        hashed = _hashed(hashed, buffer[position])
        checked = _checked(checked, buffer[position])
        position += 1
    return hashed, checked, position


@inlined
def _add(total, margins, feature):  # type: ignore[no-untyped-def]
    for label in range(total.size):
        total[label] += margins[feature, label]


@jit
def _mean_margins(  # type: ignore[no-untyped-def]
    buffer, bounds, keys, words, margins, buckets, word_ngrams, end_of_line
):
    """The mean of the margins of each document's features: float64, (documents, labels - 1)."""
    means = np.full((bounds.size - 1, margins.shape[1]), np.nan)
    total = np.empty(margins.shape[1])
    runs = np.empty(word_ngrams + 1, np.uint64)  # at n: a hash of the last n tokens
    first_bucket = margins.shape[0] - buckets
    is_space = np.zeros(256, np.bool_)
    for byte in (0, 9, 10, 11, 12, 13, 32):
        is_space[byte] = True
    for document in range(bounds.size - 1):
        position, end = bounds[document], bounds[document + 1]
        total[:] = 0
        features = tokens = 0
        within = True
        while within:
            while position < end and is_space[buffer[position]]:
                position += 1
            within = position < end
            if within:
                hashed, checked, position = _read_token(buffer, position, end, is_space)
            else:
                # fastText ends every line with a token of its own.
                hashed, checked, _ = _read_token(end_of_line, 0, end_of_line.size, is_space)
            word, _, _ = _word(keys, words, hashed, checked)
            if word >= 0:
                _add(total, margins, word)
                features += 1
            token = np.uint64(np.int64(np.int32(hashed)))
            for length in range(min(tokens, word_ngrams - 1), 0, -1):
                runs[length + 1] = runs[length] * np.uint64(116049371) + token
                bucket = np.int64(runs[length + 1] % np.uint64(buckets))
                _add(total, margins, first_bucket + bucket)
                features += 1
            runs[1] = token
            tokens += 1
        if features:
            means[document] = total / features
    return means
