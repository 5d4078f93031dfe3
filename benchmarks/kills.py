"""The kill table: what is lost when something dies in the middle of a run, or room runs out.

    python -m benchmarks.kills [RECIPE] [--kills 20] [--only driver ...] [--seed 1] [--until ASSET]

Each row is a store of its own, on which the run is made, disturbed, and made again until it ends.
*Lost* are finished files of the store (parts and manifests) that are gone or had to be made again
after all; *equal* says whether in the end every manifest of a run that nobody disturbed is there,
to the byte: manifests hold the digests of all that was made. *More* is the time that it took beyond
the undisturbed run, starts and all. Moments are drawn by the seed over the undisturbed run.

- *driver*: SIGKILL of the command with all its processes, again and again on one store;
- *refresh*: the same while documents that came are added to a corpus, which is made to the token
  shards; what is compared is the same refresh undisturbed;
- *submitted*: SIGKILL of the command that waits for a Ray job over the same corpus, and then of the
  job's whole cluster;
- *raylet*, *worker*: SIGKILL of Ray's process on a node, and of one that runs a task;
- *server*: SIGKILL of the object store's server (Azurite, which keeps its files), and a new start;
- *disk*: a file system that is full after half of what the run writes, and then is made larger.

The last line is one JSON object. A full disk takes the right to mount. A clock that jumps is not
among them: Ray 2.60 does not start under libfaketime (EINVAL), and a machine's own clock is not a
test's.
"""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks import refresh as refreshed
from benchmarks.job_server import RayHead
from benchmarks.kills_runs import ROOT, Bench, Place, Row
from benchmarks.object_stores import azure
from benchmarks.side_by_side import machine

MEGABYTES, CAME = 4.0, 0.1
"""The corpus that is refreshed, and the share of its documents that come."""

EARLY = 0.4
"""Ray rests while a stage is trained in the command's own process, in the latter part of a run."""


def killed_at(place: Place, moment: float) -> bool:
    """SIGKILL the command with all its processes."""
    process = place.start()
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def driver(bench: Bench) -> Row:
    """The command and all its processes."""
    return bench.row("driver", bench.place("d"), killed_at, bench.kills)


def small(bench: Bench, name: str, texts: Sequence[str]) -> Bench:
    """Runs to the token shards of a small corpus, which can be added to and is small enough to be
    uploaded to a cluster."""
    folder = bench.folder / name
    (folder / "crawl").mkdir(parents=True)
    recipe = folder / f"{refreshed.NAME}.yaml"
    recipe.write_text(refreshed.RECIPE)
    refreshed.write_files(folder / "crawl", "first", list(texts))
    return Bench(recipe, "token_shards", bench.kills, bench.draws, folder)


def refresh(bench: Bench) -> Row:
    """The same in the middle of a refresh."""
    texts = list(refreshed.corpus(MEGABYTES))
    came = round(CAME * len(texts))
    own = small(bench, "n", texts[came:])
    quiet, disturbed = own.place("q"), own.place("d")
    for place in (quiet, disturbed):
        place.finish()
    refreshed.write_files(own.folder / "crawl", "came", texts[:came])
    own.seconds, own.start_seconds = quiet.timed(), quiet.timed()
    own.expected = quiet.manifests()
    return own.row("refresh", disturbed, killed_at, own.kills)


def submitted(bench: Bench) -> Row:
    """The client of a job, and then the job's cluster."""
    own = small(bench, "u", list(refreshed.corpus(MEGABYTES)))
    own.undisturbed()
    head = RayHead(secrets.token_hex(32))
    place = own.place("j")
    place.environment = head.client
    place.arguments = ["--submit", head.address]
    killed = [lambda process: os.killpg(process.pid, signal.SIGKILL), lambda _: head.kill()]

    def disturb(place: Place, moment: float) -> bool:
        process = place.start()
        time.sleep(moment)
        alive = process.poll() is None
        kill = killed.pop(0)
        kill(process)
        if not killed:
            head.start()
        place.ends(process)
        return alive

    try:
        return own.row("submitted", place, disturb, len(killed))
    finally:
        head.close()


def _ray_process(bench: Bench, name: str, folder: str, is_it: Callable[[str], bool]) -> Row:
    def disturb(place: Place, moment: float) -> bool:
        process = place.start()
        time.sleep(EARLY * moment)
        killed = False
        # What Ray starts is there for some of a run, so it is waited for.
        while not killed and process.poll() is None:
            for each in psutil.Process(process.pid).children(recursive=True):
                try:
                    if is_it(" ".join(each.cmdline()) or each.name()):
                        each.kill()
                        killed = True
                        break
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.05)
        place.ends(process)
        return killed

    return bench.row(name, bench.place(folder), disturb, 1)


def raylet(bench: Bench) -> Row:
    """Ray's process on a node."""
    return _ray_process(bench, "raylet", "r", lambda line: "/raylet/raylet " in line)


def worker(bench: Bench) -> Row:
    """A process that runs one of Ray's tasks."""
    return _ray_process(
        bench,
        "worker",
        "w",
        lambda line: line.startswith("ray::") and "IDLE" not in line and "Agent" not in line,
    )


def server(bench: Bench) -> Row:
    """The object store's server."""
    with azure() as store:
        os.environ.update(store.environment)

        def disturb(place: Place, moment: float) -> bool:
            process = place.start()
            time.sleep(moment)
            store.kill()
            place.ends(process)
            store.start()
            return True

        place = bench.place("s")
        place.root = f"{store.bucket}/store"
        return bench.row("server", place, disturb, 1)


def disk(bench: Bench) -> Row:
    """A file system that is full in the middle, and is made larger."""
    size = sum(
        path.stat().st_size for path in (bench.folder / "0" / "store").rglob("*") if path.is_file()
    )
    place = bench.place("f")
    mounted = Path(place.root)
    mounted.mkdir()
    subprocess.run(_mount(mounted, f"size={size // 2}"), check=True)
    try:

        def disturb(place: Place, moment: float) -> bool:
            full = not place.ends(place.start())
            subprocess.run(_mount(mounted, f"remount,size={4 * size}"), check=True)
            return full

        return bench.row("disk", place, disturb, 1)
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def _mount(folder: Path, options: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]


ROWS: dict[str, Callable[[Bench], Row]] = {
    each.__name__: each for each in (driver, refresh, submitted, raylet, worker, server, disk)
}


def table(rows: Sequence[Row]) -> str:
    """The kill table, in Markdown."""
    head = "| killed | times | finished files then | lost | equal | seconds more |"
    lines = [head, "|---|---:|---:|---:|---|---:|"]
    for row in rows:
        equal = "yes" if row.equal else "**no**"
        cells = (row.killed, row.times, f"{row.finished:,}", row.lost, equal, row.more_seconds)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, what disturbed runs said, and all of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", type=Path, default=ROOT / "recipes" / "demo.yaml")
    parser.add_argument("--until", help="the last asset that is made")
    parser.add_argument("--kills", type=int, default=20, help="of the driver")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="k") as folder:
        draws = random.Random(options.seed)
        bench = Bench(options.recipe.absolute(), options.until, options.kills, draws, Path(folder))
        bench.undisturbed()
        print(f"undisturbed: {bench.seconds:.0f} s, {len(bench.expected)} artifacts", flush=True)
        rows = []
        for name in options.only:
            rows.append(ROWS[name](bench))
            print(rows[-1], flush=True)
    print(table(rows))
    print(json.dumps({"machine": machine(), "rows": [row._asdict() for row in rows]}))


if __name__ == "__main__":
    main()
