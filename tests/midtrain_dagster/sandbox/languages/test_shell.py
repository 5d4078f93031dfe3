from collections.abc import Callable

from midtrain_dagster.sandbox.languages.shell import SHELL
from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.run import Outcome, run

Ends = Callable[[str, list[str]], list[Outcome]]


def test_right_and_wrong_programs(ends: Ends) -> None:
    right, failed, broken = ends("shell", [SHELL.example, "set -e\n[[ 1 = 2 ]]\necho on", "if"])
    assert right.stdout == "42\n"
    assert (failed.exit_code, failed.stdout, failed.compiled) == (1, "", True)
    assert broken.exit_code == 2


def test_each_ends_at_its_limit(ends: Ends) -> None:
    endless, flood, hoard = ends(
        "shell", ["while :; do :; done", "yes", "x=xxxx; while :; do x=$x$x; done"]
    )
    assert endless.ended == "cpu_time"
    assert (flood.ended, len(flood.stdout)) == ("output", 20_000)
    assert not hoard.succeeded


def test_a_fork_bomb_gets_no_more_processes_than_it_may_have() -> None:
    many = "for n in $(seq 40); do sleep 60 & done\necho never"
    bomb = run(many, language="shell", limits=Limits(seconds=4))
    assert (bomb.ended, bomb.stdout) == ("wall_time", "")
    assert "fork" in bomb.stderr
