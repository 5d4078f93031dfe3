"""Packages are made here with tar, in the layout of Debian's; nothing is downloaded."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from benchmarks import corpus
from benchmarks.corpus import RECEIPT, Package, documents, fetch, unpack

RST = b"Title\n=====\n\nSome text.\n"
FILES = {
    "./usr/share/doc/linux-doc-6.1/Documentation/a.rst.gz": gzip.compress(RST),
    "./usr/share/doc/linux-doc-6.1/Documentation/deep/b.rst.gz": gzip.compress(RST * 2),
    "./usr/share/doc/linux-doc-6.1/Documentation/c.txt.gz": gzip.compress(b"a note"),
    "./usr/share/doc/linux-doc-6.1/Documentation/d.yaml.gz": gzip.compress(b"a: 1\n"),
    "./usr/share/doc/linux-doc-6.1/html/a.html": b"<p>page</p>",
    "./usr/share/doc/linux-doc-6.1/html/_static/jquery.js": b"x",
    "./usr/share/doc/linux-doc-6.1/html/figure.svg.gz": b"x",
    "./usr/share/doc/linux-doc-6.1/copyright": b"GPL",
    "./usr/share/man/de/man1/ls.1.gz": b"x",
}
TEXTS = {"linux_documentation": 2, "linux_notes": 1, "linux_bindings": 1}


def archive(files: dict[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("./usr/share/doc/linux-doc-6.1/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    packed.seek(0)
    return packed


def unpacked(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    """A folder with one package, as ``fetch`` leaves it."""
    place = folder / "linux-doc"
    place.mkdir(parents=True)
    counted = unpack(archive(files), place)
    (place / RECEIPT).write_text(json.dumps({"package": "linux-doc-6.1_6.1.0_all.deb", **counted}))
    return folder


def test_only_documents_are_unpacked(tmp_path: Path) -> None:
    counted = unpack(archive(FILES), tmp_path)
    found = sorted(path.name for path in tmp_path.rglob("*") if not path.is_dir())
    assert found == [
        *("a.html", "a.rst.gz", "b.rst.gz", "c.txt.gz", "copyright", "d.yaml.gz", "ls.1.gz")
    ]
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert counted == {"files": 7, "bytes": sum(sizes.values())}


def test_a_member_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(tarfile.FilterError):
        unpack(archive({"../outside.txt": b"x"}), tmp_path / "inside")
    assert not (tmp_path / "outside.txt").exists()


def test_documents_are_read_once_and_sampled_by_id(tmp_path: Path) -> None:
    folder = unpacked(tmp_path)
    table = documents(folder)
    assert table.columns == ["id", "text", "source"]
    assert dict(table["source"].value_counts().iter_rows()) == TEXTS
    assert table["id"].is_sorted()
    [cache] = folder.glob("documents-*.parquet")
    before = cache.stat().st_mtime_ns
    sample = documents(folder, megabytes=30 / corpus.MEGABYTE)
    assert sample.equals(table.head(sample.height))
    assert 0 < sample.height < table.height
    assert sample["text"].str.len_bytes().sum() >= 30
    assert documents(folder, megabytes=1).equals(table)
    assert cache.stat().st_mtime_ns == before


def test_another_package_is_another_corpus(tmp_path: Path) -> None:
    first = documents(unpacked(tmp_path / "a"))
    changed = {**FILES, "./usr/share/doc/linux-doc-6.1/Documentation/e.txt.gz": gzip.compress(b"e")}
    second = documents(unpacked(tmp_path / "b", changed))
    assert second.height == first.height + 1
    assert set(first["id"]) < set(second["id"])


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    folder = unpacked(tmp_path)
    packages = [Package("linux-doc", r"linux-doc-[\d.]+"), Package("gap-doc")]
    assert fetch(folder, packages) == ["gap-doc: there is no apt-get here"]
    assert sorted(path.name for path in folder.iterdir()) == ["linux-doc"]


def test_without_any_package_the_python_installation_is_read(tmp_path: Path) -> None:
    names = {name for name, _ in corpus.sources(tmp_path)}
    assert names == {"installed_code", "installed_documentation", "installed_mathematics"}
