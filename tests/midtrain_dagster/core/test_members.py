import gzip
import subprocess
from collections.abc import Callable
from io import BytesIO

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.core.gzip_members import GzipMembers
from midtrain_dagster.core.members import HELD, Block, Damage, members
from midtrain_dagster.core.packed_input import PackedInput
from midtrain_dagster.core.zstd_frames import ZstdFrames

TEXTS = [(b"line %d of some text, and of other text too %d\n" % (n, n * n)) * 40 for n in range(10)]


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


FORMATS = {"gz": (GzipMembers, gz), "zst": (ZstdFrames, zst)}


def read(data: bytes, suffix: str) -> tuple[list[bytes], list[Damage]]:
    """What the members hold, and the damages."""
    found = list(members(PackedInput(BytesIO(data)), FORMATS[suffix][0]()))
    blocks = [each.data for each in found if isinstance(each, Block) and each.data]
    return blocks, [each for each in found if isinstance(each, Damage)]


@pytest.fixture(params=FORMATS)
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def damaged(suffix: str, damage: Callable[[bytes], bytes]) -> tuple[list[bytes], list[Damage]]:
    packed = [FORMATS[suffix][1](text) for text in TEXTS]
    packed[2] = damage(packed[2])
    return read(b"".join(packed), suffix)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), suffix=st.sampled_from(["gz", "zst"]))
def test_a_flipped_bit_costs_its_member(place: int, bit: int, suffix: str) -> None:
    def flipped(packed: bytes) -> bytes:
        at = place % len(packed)
        return packed[:at] + bytes([packed[at] ^ 1 << bit]) + packed[at + 1 :]

    blocks, damages = damaged(suffix, flipped)
    assert [each for each in blocks if each != TEXTS[2]] == [*TEXTS[:2], *TEXTS[3:]]
    assert len(damages) == 10 - len(blocks)  # some bits of a header say nothing


@given(share=st.floats(0, 1, exclude_max=True), suffix=st.sampled_from(["gz", "zst"]))
def test_a_member_that_is_cut_short_costs_itself(share: float, suffix: str) -> None:
    blocks, damages = damaged(suffix, lambda packed: packed[: int(share * len(packed))])
    assert blocks == [*TEXTS[:2], *TEXTS[3:]]
    assert len(damages) <= 1
    assert not any(each.cut for each in damages)


def test_a_small_member_that_is_cut_short_does_not_take_the_next_along() -> None:
    texts = [b'{"text": "%d"}\n' % number for number in range(10)]  # all of them in fixed codes
    packed = [gz(text) for text in texts]
    for size in range(len(packed[2])):
        data = b"".join([*packed[:2], packed[2][:size], *packed[3:]])
        assert read(data, "gz")[0] == [*texts[:2], *texts[3:]], size


@pytest.mark.parametrize("between", [b"garbage", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"x" * 5000])
def test_what_is_no_member_is_passed(suffix: str, between: bytes) -> None:
    blocks, damages = damaged(suffix, lambda packed: between + packed)
    assert blocks == TEXTS
    assert sum(each.stop - each.start for each in damages) == len(between)


@pytest.mark.parametrize("padding", [bytes(1), bytes(100_000), b"\r\n", b"\n\n\0\0"])
def test_padding_is_no_damage(suffix: str, padding: bytes) -> None:
    pack = FORMATS[suffix][1]
    data = padding.join([b"", pack(b""), *map(pack, TEXTS), b""])
    assert read(data, suffix) == (TEXTS, [])


def test_a_large_member_is_given_before_its_end(suffix: str) -> None:
    text = b"".join(b"%d\n" % number * 1000 for number in range(HELD // 2500))
    packed = FORMATS[suffix][1](text)
    at = len(packed) - 3  # of the checksum
    blocks, damages = read(packed[:at] + b"\xee" + packed[at + 1 :] + packed, suffix)
    assert b"".join(blocks) == text * 2
    assert [each.given for each in damages] == [len(text)]


def test_time_is_linear_in_what_looks_like_members() -> None:
    # Stored blocks that reach over all that follows: each would be read to the end in vain.
    hostile = (gz(b"")[:10] + b"\x00\xff\xff\x00\x00") * 20_000
    blocks, damages = read(gz(TEXTS[0]) + hostile + gz(TEXTS[1]), "gz")
    assert blocks[0] == TEXTS[0]
    assert damages[-1].stop <= len(gz(TEXTS[0]) + hostile + gz(TEXTS[1]))


@pytest.mark.parametrize("window", [27, 28, 31])
def test_long_windows_are_read(window: int) -> None:
    parameters = zstandard.ZstdCompressionParameters(
        window_log=window, enable_ldm=True, write_content_size=False
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = b"".join([*map(compressor.compress, TEXTS), compressor.flush()])
    assert zstandard.get_frame_parameters(packed[:18]).window_size == 1 << window
    assert (b"".join(read(packed, "zst")[0]), read(packed, "zst")[1]) == (b"".join(TEXTS), [])


def skippable(data: bytes, number: int = 0) -> bytes:
    return bytes([0x50 + number]) + b"\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def test_skippable_frames_are_skipped() -> None:
    data = b"".join(skippable(b"x" * n, n) + zst(text) for n, text in enumerate(TEXTS))
    assert read(data, "zst") == (TEXTS, [])
    assert read(data + skippable(b"abc")[:-1], "zst")[1][0].cut


@pytest.mark.parametrize("packed_dictionary", [False, True])
def test_a_dictionary_stands_before_the_frames(packed_dictionary: bool) -> None:
    samples = [b"WARC/1.0 record %d, and its text is %d\n" % (n, n * 7) * 9 for n in range(500)]
    dictionary = zstandard.train_dictionary(4000, samples)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    frames = b"".join(map(compressor.compress, samples))
    data = dictionary.as_bytes()
    stored = zstandard.compress(data) if packed_dictionary else data
    assert read(skippable(stored, 0xD) + frames, "zst") == (samples, [])
    blocks, damages = read(frames, "zst")
    assert not blocks
    assert len(damages) == len(samples)
    assert f"needs dictionary {dictionary.dict_id()}" in damages[0].reason


@pytest.mark.parametrize(
    ("magic", "version"), [(b"\x1e", "0.1"), (b"\x22", "0.2"), (b"\x27", "0.7")]
)
def test_frames_of_old_formats_are_named(magic: bytes, version: str) -> None:
    _, (damage,) = read(magic + b"\xb5\x2f\xfd" + bytes(60), "zst")
    assert f"zstd {version}" in damage.reason


def test_headers_of_gzip_are_read_with_all_their_fields() -> None:
    fields = b"\x04\x00abcd" + b"name\0" + b"comment\0" + b"\x12\x34"
    packed = gz(TEXTS[0])
    data = packed[:3] + b"\x1e" + packed[4:10] + fields + packed[10:]
    assert read(data + gz(TEXTS[1]), "gz") == (TEXTS[:2], [])


def test_what_gzip_itself_reads_is_read() -> None:
    packed = subprocess.run(["gzip", "-c"], input=TEXTS[0], capture_output=True, check=True).stdout
    assert read(packed * 2, "gz") == ([TEXTS[0]] * 2, [])
