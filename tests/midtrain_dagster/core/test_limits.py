"""Control groups as the kernel lays them out, in folders of the test: nobody but root makes real
ones."""

from pathlib import Path

import pytest

from midtrain_dagster.core import limits, machine

GIB = 2**30


@pytest.fixture(autouse=True)
def _groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(limits, "OWN", tmp_path / "own")


def lay(tmp_path: Path, own: str, files: dict[str, str]) -> None:
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000", "a/b/cpu.max": "300000 100000"}, 3),
        ("0::/of/the/host\n", {"cpu.max": "200000 100000\n"}, 2),
        (
            "2:cpu,cpuacct:/x\n1:memory:/\n",
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "50000", "cpu,cpuacct/x/cpu.cfs_period_us": "25000"},
            2,
        ),
        (
            "1:cpu:/\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        ("", {}, None),
    ],
)
def test_quota_of_cpus_is_that_of_the_tightest_group(
    own: str, files: dict[str, str], cores: int | None, tmp_path: Path
) -> None:
    lay(tmp_path, own, files)
    assert limits.cores() == cores
    assert machine.usable_cores() <= (cores or machine.usable_cores())
    if cores == 1:
        assert machine.usable_cores() == 1


def test_memory_is_what_the_tightest_group_has_left(tmp_path: Path) -> None:
    files = {
        "memory.max": "max\n",
        "job/memory.max": f"{4 * GIB}\n",
        "job/memory.current": f"{3 * GIB}\n",
        "job/memory.stat": f"anon 5\ninactive_file {GIB}\nactive_file 7\n",
        "job/step/memory.max": f"{3 * GIB}\n",
        "job/step/memory.current": "0\n",
    }
    lay(tmp_path, "0::/job/step\n", files)
    assert (limits.memory(), limits.memory_left()) == (3 * GIB, 2 * GIB)
    assert machine.machine().memory <= 3 * GIB


def test_memory_of_the_first_version(tmp_path: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/x/memory.limit_in_bytes": f"{2 * GIB}\n",
        "memory/x/memory.usage_in_bytes": f"{GIB}\n",
        "memory/x/memory.stat": f"cache 3\ninactive_file 5\ntotal_inactive_file {GIB // 2}\n",
    }
    lay(tmp_path, "4:memory:/x\n0::/\n", files)
    assert (limits.memory(), limits.memory_left()) == (2 * GIB, 3 * GIB // 2)


def test_no_limit_of_the_first_version_is_none(tmp_path: Path) -> None:
    lay(tmp_path, "4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"})
    assert (limits.memory(), limits.memory_left()) == (None, None)


def test_without_groups_there_is_no_limit() -> None:
    assert (limits.cores(), limits.memory(), limits.memory_left()) == (None, None, None)
