from collections.abc import Callable

from midtrain_dagster.sandbox.languages.cpp import CPP
from midtrain_dagster.sandbox.run import Outcome

Ends = Callable[[str, list[str]], list[Outcome]]

ASSERTED = "#include <assert.h>\n#include <vector>\nint main() { assert(2 == %d); }"
FLOOD = '#include <cstdio>\nint main() { for (;;) puts("xxxxxxxxxxxxxxxx"); }'
HOARD = """
#include <stdlib.h>
#include <string.h>
int main() { for (;;) { void *p = malloc(1 << 24); if (!p) return 3; memset(p, 1, 1 << 24); } }
"""
FORKS = """
#include <unistd.h>
#include <stdio.h>
int main() {
    int made = 0;
    for (; made < 60; made++) { int p = fork(); if (p < 0) break; if (!p) { pause(); } }
    printf("%d\\n", made);
}
"""
OPEN = """
#include <fcntl.h>
#include <stdio.h>
int main() { for (int n = 0; n < 256; n++) if (fcntl(n, F_GETFD) >= 0) printf("%d ", n); }
"""
READS = '#include "/proc/1/environ"\n#include "/etc/shadow"\nint main() {}'
DEEP = "template<int N> struct A { static const int v = A<N + 1>::v; }; int main() { A<0>::v; }"
LARGE = "char large[1L << 40] = {1};\nint main() {}"


def test_right_and_wrong_programs(ends: Ends) -> None:
    example, right, wrong, broken = ends(
        "cpp", [CPP.example, ASSERTED % 2, ASSERTED % 3, "int main( {"]
    )
    assert (example.stdout, example.compiled) == ("42\n", True)
    assert right.succeeded
    assert (wrong.signal, wrong.compiled, "Assertion" in wrong.stderr) == (6, True, True)
    assert (broken.exit_code, broken.compiled) == (1, False)
    assert "main.cpp:1" in broken.stderr


def test_each_ends_at_its_limit(ends: Ends) -> None:
    endless, flood, hoard, forks = ends("cpp", ["int main() { for (;;); }", FLOOD, HOARD, FORKS])
    assert (endless.ended, endless.compiled) == ("cpu_time", True)
    assert (flood.ended, len(flood.stdout)) == ("output", 20_000)
    assert hoard.exit_code == 3
    assert 1 <= int(forks.stdout) < 16


def test_what_tells_of_its_beginning_is_closed_before_it_begins(ends: Ends) -> None:
    (outcome,) = ends("cpp", [OPEN])
    assert outcome.stdout == "0 1 2 "


def test_what_compiling_may_take_and_see_is_limited(ends: Ends) -> None:
    for outcome in ends("cpp", [READS, DEEP, LARGE]):
        assert not outcome.compiled and not outcome.succeeded
