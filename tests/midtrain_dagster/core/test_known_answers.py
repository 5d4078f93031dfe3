"""A question is asked once about the same causes, by all processes that share the list."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from types import ModuleType
from midtrain_dagster.core.known_answers import known_answer, remember_answers_in

remember_answers_in(Path(sys.argv[1]))
asked = []
ours = ModuleType("ours")
ours.__file__ = sys.argv[3]

def answer():
    asked.append(1)
    return {"texts": ["a\\tb\\n", "\\ud800"], "none": None}

def known():
    return known_answer(
        "question", {"file": sys.argv[2]}, answer, modules=[ours], libraries=["polars"]
    )

assert known() == known() == answer()
print(len(asked) - 1)
"""


def asked(file: Path, about: str) -> int:
    """How often a new process has to ask; beside the list is the source of who asks."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file), about, str(file.with_suffix(".py"))],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(finished.stdout)


def test_answers_are_known_to_the_next_process_and_of_their_causes_alone(tmp_path: Path) -> None:
    file = tmp_path / "answers"
    file.with_suffix(".py").write_text("VERSION = 1")
    assert [asked(file, "one"), asked(file, "one"), asked(file, "two")] == [1, 0, 1]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[1][:40])
    assert [asked(file, "one"), asked(file, "two")] == [0, 1], "a line that nobody finished"
    assert asked(file, "two") == 1, "what follows it on its line is lost too, and asked again"
    assert asked(file, "two") == 0
    file.with_suffix(".py").write_text("VERSION = 2")
    assert asked(file, "one") == 1, "who asks was mended"
