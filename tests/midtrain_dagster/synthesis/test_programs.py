"""Code blocks against a reference parser, and real programs in the real sandbox."""

from typing import Any, ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.sandbox.availability import unavailable
from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.run import MISSING, Program
from midtrain_dagster.synthesis.programs import (
    Block,
    ExecutingConfig,
    code_blocks,
    parsed,
    python_blocks,
    run_programs,
)


def blocks(text: str) -> list[tuple[str, str, bool]]:
    return [block[:3] for block in code_blocks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("no code `x` here ```y``` either", []),
        ("So:\n```python\nx = 1\n```\nDone.", [("python", "x = 1\n", True)]),
        ("```Python title=a\nx\n```", [("python", "x\n", True)]),
        ("```\nx\n```\n~~~c\ny\n~~~", [("", "x\n", True), ("c", "y\n", True)]),
        ("```py\nx = 1\nprint(", [("py", "x = 1\nprint(", False)]),
        ("```", [("", "", False)]),
        ("````md\n```py\nx\n```\n````", [("md", "```py\nx\n```\n", True)]),
        ("```py\nx\n~~~\n```", [("py", "x\n~~~\n", True)]),
        ("1. So\n   ```py\n   if x:\n       y\n  z\n   ```", [("py", "if x:\n    y\nz\n", True)]),
        ("```py\n```py\nx\n```", [("py", "```py\nx\n", True)]),
        ("```a`b\nx\n```", [("", "", False)]),
    ],
)
def test_blocks_are_what_stands_between_fences(
    text: str, expected: list[tuple[str, str, bool]]
) -> None:
    assert blocks(text) == expected


LINES = st.sampled_from(
    ["", "x = 1", "  y", "```", "```python", "````", "~~~", "~~~ js", "`", "``` a b"]
)


@given(st.lists(LINES, max_size=12))
@example(["```python", "x", "```", "text", "~~~", "x"])
def test_blocks_are_those_of_commonmark(lines: list[str]) -> None:
    """The reference is markdown-it-py, which comes with rich."""
    text = "\n".join(lines)
    tokens = [t for t in MarkdownIt().parse(text) if t.type == "fence"]
    expected = [(t.info.strip().partition(" ")[0], t.content.rstrip("\n")) for t in tokens]
    assert [(block.language, block.code.rstrip("\n")) for block in code_blocks(text)] == expected


@given(st.text(alphabet="`~\n a", max_size=60))
def test_blocks_stand_where_they_say(text: str) -> None:
    stop = 0
    for block in code_blocks(text):
        assert block.start >= stop
        stop = block.stop
        assert text[block.start : block.stop].lstrip(" \t")[:3] in ("```", "~~~")
        assert block.closed or block.stop == len(text)


def test_hostile_length_is_read_in_one_pass() -> None:
    for text in ("`" * 1_000_000, "```\n" * 250_000, "```a" * 250_000, " " * 1_000_000 + "```"):
        assert len(code_blocks(text)) <= 125_000


def test_python_is_what_is_called_so_or_nothing() -> None:
    text = "```py\na\n```\n```\nb\n```\n```bash\nc\n```\n```python3\nd\n```"
    assert [block.code for block in python_blocks(text)] == ["a\n", "b\n", "d\n"]


def test_a_program_parses_or_not() -> None:
    assert parsed("x = '\\d'") is not None
    for code in ("x = (", "\0", "(" * 10_000, "-" * 100_000 + "1", "\ud800"):
        assert parsed(code) is None


class Method(ExecutingConfig):
    """A section that executes."""

    KIND: ClassVar[Any] = "code"


def test_no_sandbox_is_found_before_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = {"engine": "openai", "base_url": "http://127.0.0.1:1", "model": "m"}
    method = Method.model_validate({"generator": engine})
    before = list(method.findings(str))
    monkeypatch.setenv("PATH", "/nonexistent")
    unavailable.cache_clear()
    assert list(method.findings(str)) == [*before, Finding(("method",), MISSING)]
    monkeypatch.undo()
    unavailable.cache_clear()


REASONS = {
    "print('a'); assert 2 + 2 == 4": None,
    "x = 1 \\": None,
    "x = 1; assert x == 2": "failed",
    "def f(:": "failed",
    "raise SystemExit(3)": "failed",
    "exit()\nassert False": "ended_early",
    "import os\nos._exit(0)": "ended_early",
    "'''": "failed",
    "import os\nos.kill(os.getpid(), 11)": "crashed",
    "while True: pass": "timed_out",
    "import time\ntime.sleep(60)": "timed_out",
    "x = [0] * 10**9": "too_much_memory",
    "while True: print('x' * 10_000)": "too_much_output",
}


def test_each_program_has_one_outcome_and_a_reason() -> None:
    limits = Limits(seconds=5, cpu_seconds=1)
    ran = run_programs(list(REASONS), limits=limits)
    assert dict(zip(REASONS, (each.reason for each in ran), strict=True)) == REASONS
    assert ran[0].stdout == "a\n"


def test_equal_programs_are_run_once_and_rows_keep_their_order() -> None:
    programs = [Program("print(input())", input=each) for each in ("b", "a", "b")]
    assert [each.stdout for each in run_programs(programs)] == ["b\n", "a\n", "b\n"]
    assert run_programs([]) == []


def test_a_set_has_one_order() -> None:
    program = "print({'one', 'two', 'three', 'four', 'five', 'six'})"
    first, second = run_programs([program, program + " "])
    assert first.stdout == second.stdout
    assert isinstance(code_blocks("```")[0], Block)
