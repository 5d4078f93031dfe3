from collections.abc import Callable

from midtrain_dagster.sandbox.languages.python import PYTHON
from midtrain_dagster.sandbox.run import Outcome

Ends = Callable[[str, list[str]], list[Outcome]]


def test_its_example_and_the_order_of_a_set_are_the_same_each_time(ends: Ends) -> None:
    example, *orders = ends("python", [PYTHON.example, *["print({'a', 'b', 'c', 'd'})"] * 3])
    assert (example.stdout, example.compiled) == ("42\n", True)
    assert len({each.stdout for each in orders}) == 1


def test_what_is_no_python_ends_as_any_other_error(ends: Ends) -> None:
    (outcome,) = ends("python", ["def ("])
    assert (outcome.exit_code, outcome.compiled) == (1, True)
