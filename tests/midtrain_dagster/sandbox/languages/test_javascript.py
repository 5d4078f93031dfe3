from collections.abc import Callable

from midtrain_dagster.sandbox.languages.javascript import JAVASCRIPT
from midtrain_dagster.sandbox.run import Outcome

Ends = Callable[[str, list[str]], list[Outcome]]

ASSERTED = "const assert = require('node:assert');\nassert.deepEqual([2], [%s]);"
HOARD = "const held = []; for (;;) held.push(new Array(1e6).fill(1.5));"
FORKS = """
for (let n = 0; n < 60; n++) {
    const child = require('child_process').spawn('/bin/sleep', ['9']);
    child.on('error', error => { console.log(error.code); process.exit(3); });
}
"""
REACHED = "require('net').connect(80, '192.0.2.1').on('error', error => console.log(error.code))"


def test_right_and_wrong_programs(ends: Ends) -> None:
    example, right, wrong, broken = ends(
        "javascript", [JAVASCRIPT.example, ASSERTED % 2, ASSERTED % 3, "function ("]
    )
    assert example.stdout == "42\n"
    assert right.succeeded
    assert (wrong.exit_code, "AssertionError" in wrong.stderr) == (1, True)
    assert "SyntaxError" in broken.stderr


def test_each_ends_at_its_limit(ends: Ends) -> None:
    flood = "for (;;) require('fs').writeSync(1, 'x'.repeat(9999))"
    endless, flooded, hoard = ends("javascript", ["for (;;) {}", flood, HOARD])
    assert endless.ended == "cpu_time"
    assert (flooded.ended, len(flooded.stdout)) == ("output", 20_000)
    assert not hoard.succeeded and hoard.ended in ("signalled", "memory")


def test_there_is_no_network_and_there_are_no_many_processes(ends: Ends) -> None:
    reached, forks = ends("javascript", [REACHED, FORKS])
    assert reached.stdout == "ENETUNREACH\n"
    assert (forks.stdout.splitlines()[:1], forks.exit_code) == (["EAGAIN"], 3)
