from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.functions import LINES, function_of

TEXT = '''"""é is before."""


class Box:
    async def open(self, key, *, slowly=False):
        """Open the box with a key,
        slowly if asked.

        More is said here.
        """
        return key

    def shut(self):
        return None


def undocumented(a, b):
    c = a
    return c


%
def add(first, second=2):
    """Add two numbers, the second of them 2."""
    return first + second
'''.replace("%", "\f")


def test_a_documented_function_is_found_where_it_stands() -> None:
    seen: dict[str, Any] = {}
    for seed in range(20):
        found = function_of(TEXT, "d", seed)
        assert found == function_of(TEXT, "d", seed)
        assert found is not None
        piece = TEXT.encode()[found.start : found.stop].decode()
        assert "".join(piece.split()) == "".join(found.source.split())
        seen[found.signature] = found
    assert set(seen) == {"open(key, *, slowly=False)", "add(first, second=2)"}
    opened = seen["open(key, *, slowly=False)"]
    assert opened.summary == "Open the box with a key, slowly if asked."
    assert opened.source.startswith("async def open(self")
    assert seen["add(first, second=2)"].source.endswith("\n    return first + second")


@given(st.text(max_size=80), st.integers(0, 9))
def test_any_text_has_a_function_or_none(text: str, seed: int) -> None:
    for each in (text, f"def f():\n    {text!r}\n    return 1\n"):
        found = function_of(each, "d", seed)
        assert found is None or LINES[0] <= found.source.count("\n") + 1 <= LINES[1]
