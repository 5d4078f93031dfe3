import pytest

from midtrain_dagster.core.problems import View
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.problems import name_problem, problems
from midtrain_dagster.evaluation.settings import EvaluationSettings

BENCHMARK = Benchmark(paths=["a.jsonl"], question="q")
VIEW = View(sources={"owt": "web", "wiki": "wikipedia"}, synthetic={"pairs": "qa"})


def found(
    *names: str, controls: dict[str, int] | None = None, keep: bool = True, **settings: object
) -> dict:
    fields = {"general": ["web"], "targets": ["wikipedia"], "length": 128, **settings}
    return dict(
        problems(
            dict.fromkeys(names, BENCHMARK),
            EvaluationSettings.model_validate(fields),
            VIEW,
            shorter_controls=controls or {},
            keep_milestones=keep,
        )
    )


def test_problems_are_none_where_all_fits() -> None:
    assert found("gsm8k", "mmlu-pro", "arc.c", "HumanEval_2", controls={"extended": 64}) == {}


def test_problems_name_each_benchmark_that_cannot_be_a_partition() -> None:
    assert list(found("a,b", "fine", "a b")) == [("benchmarks", "a,b"), ("benchmarks", "a b")]
    for name, message in (
        *(("a,b", "comma"), ("a b", "letters"), ("", "letters"), ("../a", "let")),
        *(("\u00fcbung", "letters"), ("a" * 101, "at most 100 characters, this one 101")),
    ):
        assert message in (name_problem(name) or "")


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("maths", "no source feeds 'maths' (fed: web, wikipedia)"),
        (
            "qa",
            "'qa' is synthetic, and its documents quote those that are trained on: loss is "
            "measured on web, wikipedia",
        ),
    ],
)
def test_problems_name_each_domain_without_a_loss(domain: str, reason: str) -> None:
    """Loss is measured on natural documents, so a domain of synthesis alone has none."""
    assert found(general=["web", domain], targets=[domain]) == {
        ("evaluation", "general", 1): reason,
        ("evaluation", "targets", 0): reason,
    }


def test_problems_name_buckets_of_which_none_begins_beyond_the_control() -> None:
    assert found(controls={"extended": 100}) == {
        ("evaluation", "bucket"): "no bucket of 64 positions begins from 100 on, the window of the "
        "control of 'extended', and before 128: lower it, or raise length"
    }
    assert found(controls={"extended": 100}, bucket=25) == {}


def test_problems_name_the_control_beyond_whose_windows_nothing_is_measured() -> None:
    reason = "128 does not reach beyond the 128 of the control of 'extended', where the two are "
    controls = {"longer": 64, "extended": 128}
    assert found(controls=controls) == {("evaluation", "length"): reason + "compared"}


def test_problems_name_milestones_that_are_asked_for_and_are_not_there() -> None:
    assert found("fine", milestones=True) == {}
    where = ("evaluation", "milestones")
    assert "checkpoints: {milestones: TOKENS}" in found("fine", keep=False, milestones=True)[where]
    assert found(milestones=True) == {where: "there are no benchmarks to ask them: name some"}
