import ast
import json
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.synthesis.assembly import FILES, Assembly
from midtrain_dagster.synthesis.import_order import imports
from midtrain_dagster.synthesis.methods.missing_file import VERSION, Config, public_names

GOLDEN = (1, "0bbf23e2b034f82a")

SHAPES = '''"""Shapes."""
import math

UNIT: float = 1.0
_hidden = 2


class Square:
    def __init__(self, side):
        self.side = side


def area(shape):
    return shape.side**2


def circle(radius):
    return math.pi * radius**2
'''
PACKAGE = {
    "lib/geo/shapes.py": SHAPES,
    "lib/geo/paint.py": "from geo.shapes import Square, area\n\ndef paint(side):\n"
    "    return area(Square(side)) * 3\n" + "# brush\n" * 10,
    "lib/geo/tiles.py": "from geo import shapes\n\ndef tiles(n):\n"
    "    return [shapes.circle(shapes.UNIT) for _ in range(n)]\n" + "# tile\n" * 10,
    "lib/geo/apart.py": "VALUE = 1\n" + "# a file that uses nothing\n" * 10,
}


def documents(files: dict[str, str]) -> pl.DataFrame:
    rows = [
        (
            *(f"{number:032x}", text, "stdlib", "code", "code", "python", None, locator),
            json.dumps({"distribution": locator.partition("/")[0]}),
        )
        for number, (locator, text) in enumerate(files.items())
    ]
    return pl.DataFrame(rows, DOCUMENTS, orient="row")


def config(**fields: Any) -> Config:
    asked = {"method": "missing_file", "domains": ["code"], "minimum_bytes": 0}
    return Config(**{**asked, **fields})


def test_the_most_imported_file_stands_last_and_is_the_real_one() -> None:
    assert isinstance(config(), Assembly)
    made = config().assemble(documents(PACKAGE), source="s")
    (row,) = made.documents.rows(named=True)
    assert row["text"].endswith(
        "\n# geo/shapes.py is missing above. These files import it:\n#   geo/paint.py\n"
        f"#   geo/tiles.py\n\n# geo/shapes.py\n{SHAPES}"
    )
    shown = row["text"].partition("# geo/shapes.py is missing")[0]
    assert SHAPES not in shown
    assert all(text in shown for path, text in PACKAGE.items() if "shapes" not in path)
    metadata = json.loads(row["metadata"])
    assert metadata["missing"] == "geo/shapes.py"
    assert metadata["names"] == ["Square", "UNIT", "area", "circle"]
    assert metadata["users"] == ["geo/paint.py", "geo/tiles.py"]
    assert len(metadata["seeds"]) == 4
    assert row["locator"] == "lib/geo/geo/shapes.py"
    assert (row["domain"], row["kind"], row["format"]) == ("missing_files", "code", "python")
    assert made.files["outcome"].to_list() == ["joined"] * 4
    assert made.files.schema == FILES


@pytest.mark.parametrize(
    ("change", "fields", "outcomes"),
    [
        ({}, {"minimum_users": 3}, ["no_key_file"] * 4),
        ({}, {"minimum_names": 5}, ["no_key_file"] * 4),
        ({}, {"missing_bytes": 100}, ["no_key_file"] * 4),
        ({}, {"minimum_bytes": 9_000}, ["too_short"] * 4),
        ({"lib/geo/shapes.py": SHAPES + "def ("}, {}, ["no_key_file"] * 4),
        ({"lib/geo/apart.py": "# x\n" * 300}, {"maximum_bytes": 1_200, "missing_bytes": 900}, None),
        ({"lib/geo/apart.py": "x = 1"}, {}, ["joined", "joined", "joined", "too_small"]),
    ],
)
def test_packages_without_one_and_files_without_room_say_why(change, fields, outcomes) -> None:
    made = config(**fields).assemble(documents({**PACKAGE, **change}), source="s")
    expected = outcomes or ["joined", "joined", "joined", "no_room"]
    assert made.files["outcome"].to_list() == expected
    assert made.documents.height == ("joined" in expected)


def test_a_package_may_miss_several_files_one_at_a_time() -> None:
    more = {**PACKAGE, "lib/geo/apart.py": PACKAGE["lib/geo/apart.py"] + "OTHER = 2\n"}
    for path in ("lib/geo/paint.py", "lib/geo/tiles.py"):
        more[path] = "from geo.apart import VALUE, OTHER\n" + more[path]
    made = config(missing=5, minimum_names=2).assemble(documents(more), source="s").documents
    missing = [json.loads(each)["missing"] for each in made["metadata"]]
    assert missing == ["geo/apart.py", "geo/shapes.py"]
    assert "class Square" in made["text"][0].partition("is missing above")[0]
    assert made["id"].n_unique() == 2


def test_bounds_that_leave_no_room_are_refused() -> None:
    with pytest.raises(ValidationError, match="leaves no room"):
        config(maximum_bytes=16_000)


@pytest.mark.parametrize("text", ["def (", "x = 1\0", "(" * 5000])
def test_what_cannot_be_parsed_defines_nothing(text: str) -> None:
    assert public_names(text) == set()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(3, 7).flatmap(
        lambda n: st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=16
        ).map(lambda edges: (n, edges))
    ),
    st.integers(1_000, 3_000),
)
def test_what_is_missing_is_imported_by_the_most_and_stands_nowhere_else(made, room: int) -> None:
    count, edges = made
    files = {f"lib/p/m{n}.py": f"def f{n}():\n    return '{'x' * 80}'\n" for n in range(count)}
    for user, used in edges:
        files[f"lib/p/m{user}.py"] += f"from p.m{used} import f{used}\n"
    result = config(minimum_names=1, maximum_bytes=room, missing_bytes=999).assemble(
        documents(files), source="s"
    )
    needs = imports({path.removeprefix("lib/"): text for path, text in files.items()})
    users = {path: sum(path in used for used in needs.values()) for path in needs}
    assert result.documents.height <= 1
    for text, told in result.documents.select("text", "metadata").iter_rows():
        missing = json.loads(told)["missing"]
        assert len(text.encode()) <= room
        if room >= 2_000:  # where there is room for all, it is the one that most import
            assert users[missing] == max(users.values())
        body = text.rpartition(f"\n# {missing}\n")[2]
        assert body == files[f"lib/{missing}"]
        assert text.count(f"def f{missing[3]}(") == 1
        ast.parse(text)
    assert result.documents.height == 1 or max(users.values()) < 2 or room < 2_000


def test_golden() -> None:
    """Bump VERSION when this changes: stored documents were made by the old method."""
    every = [table.rows() for table in config().assemble(documents(PACKAGE), source="s")]
    assert (VERSION, blake2b(repr(every).encode(), digest_size=8).hexdigest()) == GOLDEN
