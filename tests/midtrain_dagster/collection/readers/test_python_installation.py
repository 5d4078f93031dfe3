import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.collection.readers.python_installation import joined_docstrings
from midtrain_dagster.collection.record import Document, Record, Rejection
from midtrain_dagster.core.source_file import SourceError, local_file


@pytest.fixture
def section(source: Callable[..., Any]) -> Callable[..., Any]:
    return lambda harvest, *names: source(
        reader="python_installation", harvest=harvest, distributions=list(names)
    )


@pytest.fixture
def read_one(tmp_path: Path, section: Callable[..., Any]) -> Callable[[str, str, bytes], Record]:
    def read(harvest: str, name: str, data: bytes) -> Record:
        (tmp_path / "file").write_bytes(data)
        file = local_file(name, tmp_path / "file")
        (record,) = section(harvest).read(file, 10_000)
        return record

    return read


def test_code_is_the_standard_library_without_tests(section: Callable[..., Any]) -> None:
    files = {file.name: file for file in section("code").list_files("code", Path("/nowhere"))}
    assert len(files) > 400
    for part in ("/test/", "/tests/", "/idle_test/", "site-packages", "__pycache__", ".."):
        assert not [name for name in files if part in name]
    (record,) = section("code").read(files["stdlib/heapq.py"], 1)
    assert isinstance(record, Document)
    assert record.format == "python"
    assert "def heappush(heap, item):" in record.text
    (record,) = section("code").read(files["stdlib/pydoc_data/topics.py"], 1)
    assert isinstance(record, Rejection)
    assert record.reason == "generated"


def test_documentation_is_what_distributions_say_of_themselves(section: Callable[..., Any]) -> None:
    documentation = section("documentation", "Pydantic", "stdlib")
    files = {file.name: file for file in documentation.list_files("docs", Path("/nowhere"))}
    assert {"pydantic/METADATA", "stdlib/pydoc_data/topics.py"} <= set(files)
    assert not [name for name in files if "dist-info" in name or "LICENSE" in name]
    (record,) = documentation.read(files["pydantic/METADATA"], 1)
    assert isinstance(record, Document)
    assert record.format == "markdown"
    assert record.text.startswith("# Pydantic")
    assert record.metadata == {"distribution": "pydantic", "licence": "MIT"}
    topics = list(documentation.read(files["stdlib/pydoc_data/topics.py"], 1))
    assert len(topics) > 50
    (lambdas,) = (topic for topic in topics if topic.locator.endswith(":lambda"))
    assert isinstance(lambdas, Document)
    assert lambdas.text.startswith("Lambdas\n*******\n")


def test_mathematics_is_the_docstrings_of_modules(section: Callable[..., Any]) -> None:
    mathematics = section("mathematics", "MPMath")
    files = {file.name: file for file in mathematics.list_files("m", Path("/nowhere"))}
    (record,) = mathematics.read(files["mpmath/mpmath/calculus/odes.py"], 1)
    assert isinstance(record, Document)
    title = "mpmath.calculus.odes.odefun"
    assert f"\n\n\n{title}\n{'=' * len(title)}\n\n" in f"\n\n\n{record.text}"


def test_distributions_are_all_or_those_of_the_harvest_unless_named(
    section: Callable[..., Any],
) -> None:
    installed = ["mpmath", "pydantic", "sympy"]
    wanted = {name: section(name).wanted("x", installed) for name in ("code", "mathematics")}
    assert wanted == {"code": ["stdlib"], "mathematics": ["sympy", "mpmath"]}
    assert section("documentation").wanted("x", installed) == ["stdlib", *installed]
    assert section("code", "Sym_Py", "sym.py").wanted("x", ["sym-py"]) == ["sym-py"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("No_Such.Thing", r"source 'x'.*'no-such-thing'.*pip install"),
        ("midtrain-dagster", "is not installed"),  # it is editable: work in progress
        ("types-PyYAML", "types-pyyaml hold no code files"),
    ],
)
def test_distributions_without_files_are_named(
    section: Callable[..., Any], name: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        section("code", name).list_files("x", Path("/nowhere"))


def test_docstrings_stand_under_their_qualified_names() -> None:
    code = '''"""A module."""
class Ring:
    """A ring.

    Second line."""
    def add(self): "Adds."
    def bare(self): return 1
    class Ideal: """An ideal."""
async def norm(): """A norm."""
'''
    assert joined_docstrings("algebra/algebra/rings/__init__.py", code) == (
        "algebra.rings\n=============\n\nA module.\n\n\n"
        "algebra.rings.Ring\n==================\n\nA ring.\n\nSecond line.\n\n\n"
        "algebra.rings.Ring.add\n======================\n\nAdds.\n\n\n"
        "algebra.rings.Ring.Ideal\n========================\n\nAn ideal.\n\n\n"
        "algebra.rings.norm\n==================\n\nA norm.\n"
    )
    assert joined_docstrings("algebra/algebra/empty.py", "x = 1\n") == ""


@pytest.mark.parametrize(
    ("harvest", "name", "data", "reason"),
    [
        ("mathematics", "a/a.py", b"def broken(:\n", "invalid_python"),
        ("mathematics", "a/a.py", b"x = " + b"(" * 5000 + b")" * 5000, "invalid_python"),
        ("code", "a/a.py", b"# coding: klingon\n", "invalid_python"),
        ("code", "a/a.py", b"x = 1\n\ny = '\xff'\n", "invalid_encoding"),
        ("code", "a/a.py", b"# Auto-generated. Do not edit.\n", "generated"),
        ("code", "a/a.py", b"x = 1\n" * 200_000, "too_large"),
        ("documentation", "a/README.md", b"caf\xe9", "invalid_encoding"),
        ("documentation", "a/METADATA", b"Name: a\n\nUNKNOWN\n", "empty"),
        ("documentation", "stdlib/pydoc_data/topics.py", b"x = 1\n", "invalid_python"),
    ],
)
def test_files_that_cannot_be_taken_are_rejected(
    read_one: Callable[..., Record], harvest: str, name: str, data: bytes, reason: str
) -> None:
    record = read_one(harvest, name, data)
    assert isinstance(record, Rejection)
    assert record.reason == reason


def test_code_is_decoded_as_it_declares(read_one: Callable[..., Record]) -> None:
    record = read_one("code", "a/a.py", "# coding: latin-1\nx = 'é'\r\n".encode("latin-1"))
    assert isinstance(record, Document)
    assert record.text == "# coding: latin-1\nx = 'é'\n"


@pytest.mark.parametrize(
    ("metadata", "text", "format"),
    [
        ("Name: a\nDescription-Content-Type: text/markdown; x=y\n\n# A\n", "# A", "markdown"),
        ("Name: a\n\nA\n=\n", "A\n=", "restructuredtext"),
        ("Name: a\nDescription: A\n        =\n        text\n\n", "A\n=\ntext", "restructuredtext"),
    ],
)
def test_descriptions_are_the_body_of_metadata(
    read_one: Callable[..., Record], metadata: str, text: str, format: str
) -> None:
    record = read_one("documentation", "a/METADATA", metadata.encode())
    assert isinstance(record, Document)
    assert (record.text.strip(), record.format) == (text, format)
    assert json.dumps(record.metadata) == '{"distribution": "a"}'
