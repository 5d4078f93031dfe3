import pytest

from midtrain_dagster.sandbox.last_line import ended_early, mark_of, marked
from midtrain_dagster.sandbox.run import Program, run


def ended(text: str, language: str) -> tuple[bool, int | None]:
    program = Program(text, language)
    outcome = run(marked(program).text, language=language)
    return ended_early(program, outcome), outcome.exit_code


@pytest.mark.parametrize(
    ("language", "whole", "early", "failed"),
    [
        ("python", "print(1, end='')", "import sys; sys.exit()", "1/0"),
        ("javascript", "process.stdout.write('1')", "process.exit(0)", "throw 1"),
        ("shell", "printf 1", "exit 0", "false"),
    ],
)
def test_who_comes_to_the_end_says_so(language: str, whole: str, early: str, failed: str) -> None:
    assert ended(whole, language) == (False, 0)
    assert ended(early, language) == (True, 0)
    assert ended(failed, language) == (False, 1)


def test_a_program_that_prints_itself_has_not_come_to_its_end() -> None:
    assert ended("print(open('main.py').read()); exit()", "python") == (True, 0)


def test_of_a_language_without_such_a_line_nothing_is_said() -> None:
    program = Program("int main() {}", "cpp")
    assert marked(program) == program
    assert mark_of(program) == mark_of(Program("int main() {}"))
