from collections.abc import Callable

from midtrain_dagster.sandbox.languages.java import JAVA
from midtrain_dagster.sandbox.run import Outcome

Ends = Callable[[str, list[str]], list[Outcome]]

ASSERTED = """import org.javatuples.*;
class Problem {
    public static void main(String[] args) { assert(Pair.with(1, 2).equals(Pair.with(1, %d))); }
}
"""
MAIN = "class Main { public static void main(String[] args) throws Exception { %s } }"
HOARD = """import java.util.*;
class Main {
    public static void main(String[] args) {
        List<byte[]> held = new ArrayList<>();
        for (;;) held.add(new byte[1 << 24]);
    }
}
"""
THREADS = """int made = 0;
try {
    for (; made < 99; made++) {
        Thread each = new Thread(() -> { try { Thread.sleep(9000); } catch (Exception e) { } });
        each.setDaemon(true);
        each.start();
    }
} catch (OutOfMemoryError error) { }
System.out.println("made " + made);"""


def test_right_and_wrong_programs(ends: Ends) -> None:
    example, right, wrong, broken = ends(
        "java", [JAVA.example, ASSERTED % 2, ASSERTED % 3, "class Main {"]
    )
    assert (example.stdout, example.compiled) == ("42\n", True)
    assert right.succeeded
    assert (wrong.exit_code, "AssertionError" in wrong.stderr) == (1, True)
    assert (broken.exit_code, broken.compiled) == (1, False)


def test_each_ends_at_its_limit(ends: Ends) -> None:
    flood = MAIN % 'for (;;) System.out.println("xxxxxxxxxxxxxxxx");'
    endless, flooded, hoard, threads = ends(
        "java", [MAIN % "for (;;);", flood, HOARD, MAIN % THREADS]
    )
    assert (endless.ended, endless.compiled) == ("cpu_time", True)
    assert (flooded.ended, len(flooded.stdout)) == ("output", 20_000)
    assert not hoard.succeeded and hoard.ended != "wall_time"
    assert 1 <= int(threads.stdout.rpartition("made ")[2]) < 40
