from collections.abc import Callable

from midtrain_dagster.sandbox.languages.go import GO
from midtrain_dagster.sandbox.run import Outcome

Ends = Callable[[str, list[str]], list[Outcome]]

TESTED = """package double_test

import (
    "os"
    "testing"
)

func double(x int) int {
    if false { os.Exit(0) }
    %s
}

func TestDouble(t *testing.T) {
    if double(2) != 4 { t.Errorf("no") }
}
"""
FLOOD = 'package main\nimport "fmt"\nfunc main() { for { fmt.Println("xxxxxxxxxxxxxxxx") } }'
HOARD = """package main
var held [][]byte
func main() {
    for { b := make([]byte, 1 << 24); for i := range b { b[i] = 1 }; held = append(held, b) }
}
"""
FORKS = """package main
import ("fmt"; "os/exec")
func main() {
    for n := 0; n < 60; n++ {
        if exec.Command("/bin/sleep", "9").Start() != nil { fmt.Println(n); return }
    }
}
"""


def test_right_and_wrong_programs(ends: Ends) -> None:
    example, right, wrong, leaves, broken = ends(
        "go",
        [
            GO.example,
            *(TESTED % line for line in ("return 2 * x", "return 3 * x", "os.Exit(0); return 4")),
            "package main\nfunc main( {",
        ],
    )
    assert (example.stdout, example.compiled) == ("42\n", True)
    assert (right.succeeded, right.stdout) == (True, "PASS\n")
    assert (wrong.exit_code, wrong.compiled) == (1, True)
    assert not leaves.succeeded
    assert not broken.compiled and not broken.succeeded


def test_each_ends_at_its_limit(ends: Ends) -> None:
    endless, flood, hoard, forks = ends(
        "go", ["package main\nfunc main() { for {} }", FLOOD, HOARD, FORKS]
    )
    assert (endless.ended, endless.compiled) == ("cpu_time", True)
    assert (flood.ended, len(flood.stdout)) == ("output", 20_000)
    assert (hoard.exit_code, "out of memory" in hoard.stderr) == (2, True)
    assert not forks.stdout or 1 <= int(forks.stdout) < 32
