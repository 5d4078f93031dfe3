"""What is seen of tests without running them."""

import pytest

from midtrain_dagster.synthesis.exercise_tests import (
    assertions,
    calls,
    checks,
    with_other_answers,
)


def test_equal_assertions_are_one() -> None:
    assert assertions("assert f(1) == 2\nassert f( 1 ) == 2\nassert f(2)\n") == 2
    assert assertions("assert (") == 0


@pytest.mark.parametrize(
    ("tests", "some"),
    [
        ("assert f(1)", True),
        ("if f(1) != 2:\n    raise ValueError", True),
        ("t.assertEqual(f(1), 2)", True),
        ("print(f(1))", False),
        ("assert (", False),
    ],
)
def test_only_what_can_say_no_checks(tests: str, some: bool) -> None:
    assert checks(tests) is some


def test_functions_are_called_that_pytest_would_call_and_nobody_does() -> None:
    tests = (
        "def test_a(): pass\ndef test_b(x): pass\ndef test_c(x=1): pass\n"
        "def helper(): pass\ndef test_d(): pass\ntest_d()\n"
    )
    assert calls(tests) == "test_a()\ntest_c()\n"
    assert calls("def (") == ""


@pytest.mark.parametrize(
    ("tests", "changed"),
    [
        ("assert f(1) == 2", "assert f(1) == 3"),
        ("assert f('a') == ['b', True]", "assert f('a') == ['bx', False]"),
        ("assert f(1) == None", ""),
        ("x = 1\nassert f(x)", ""),
        ("assert (", ""),
    ],
)
def test_other_answers_stand_right_of_equality(tests: str, changed: str) -> None:
    assert with_other_answers(tests) == changed
