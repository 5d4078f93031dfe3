"""Java, with assertions, as MultiPL-E runs it: the class ``Problem``, or else ``Main``.

Its prompts import ``org.javatuples``. The heap is the limit of memory's; what Java reserves
for it is always the same, whatever the machine has.
"""

from pathlib import Path

from midtrain_dagster.sandbox.language import Language

_TUPLES = "/usr/share/java/javatuples.jar"
_JVM = "-Xms32m -Xmx4g -XX:+UseSerialGC -XX:-UsePerfData -XX:TieredStopAtLevel=1"
_RUN = f"""
name=Main; [ -f Problem.class ] && name=Problem
exec /usr/bin/java {_JVM} -ea -cp .:{_TUPLES} "$name"
"""

JAVA = Language(
    file="Main.java",
    compiler=(
        *("/usr/bin/javac", *(f"-J{each}" for each in _JVM.split())),
        *("-encoding", "UTF8", "-nowarn", "-proc:none", "-cp", _TUPLES, "-d", ".", "Main.java"),
    ),
    command=("/bin/sh", "-c", _RUN),
    example="class Main { public static void main(String[] a) { System.out.println(6 * 7); } }",
    needs={"/usr/bin/javac": "default-jdk-headless", _TUPLES: "libjavatuples-java"},
    # Debian's JDK has its settings there.
    folders=tuple(sorted(Path("/etc").glob("java-*-openjdk"))),
    threads=24,
    reserves=True,
)
