"""What cannot be worked in is said in one line, before anything is made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from midtrain.places import PlaceError, settle

REPOSITORY = Path(__file__).parents[2]
CACHES = ("TORCHINDUCTOR_CACHE_DIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
VARIABLES = ("MIDTRAIN_ROOT", "DAGSTER_HOME", "TMPDIR", *CACHES)


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "before")  # so that it is as before afterwards
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("named", [None, "", "store", "./a/../store/", "~/store", "file://"])
def test_store_and_instance_are_found(
    named: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if named is not None:
        given = f"file://{tmp_path}/a%20store" if named == "file://" else named
        monkeypatch.setenv("MIDTRAIN_ROOT", given)
    settle()
    expected = tmp_path / ("a store" if named == "file://" else "store")
    assert os.environ["MIDTRAIN_ROOT"] == str(expected)
    assert os.environ["DAGSTER_HOME"] == str(expected / ".dagster")
    assert "telemetry: {enabled: false}" in (expected / ".dagster" / "dagster.yaml").read_text()
    assert [path.name for path in expected.iterdir()] == [".dagster"]


def test_instance_keeps_the_settings_that_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "dagster.yaml").write_text("# ours")
    monkeypatch.setenv("DAGSTER_HOME", "team")
    settle()
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "team")
    assert (tmp_path / "team" / "dagster.yaml").read_text() == "# ours"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MIDTRAIN_ROOT", "ftp://host/x", "MIDTRAIN_ROOT: ftp://host/x: unknown kind of store"),
        ("MIDTRAIN_ROOT", "s3://", "MIDTRAIN_ROOT: s3://: names no bucket; use s3://BUCKET/FOLDER"),
        ("MIDTRAIN_ROOT", "file/below", "file/below cannot be written: Not a directory"),
        ("MIDTRAIN_ROOT", "a [1]/store", "a folder with '[' in its path: let DAGSTER_HOME name"),
        ("DAGSTER_HOME", "what?", "a folder with '?' in its path"),
        ("DAGSTER_HOME", "p%20q", "a folder with '%20' in its path"),
        ("DAGSTER_HOME", "file", "file cannot be written: File exists"),
        ("TMPDIR", "nowhere", "nowhere: No such file or directory: make it"),
        ("TMPDIR", "file", "file: Not a directory"),
    ],
)
def test_what_cannot_be_worked_in_is_said(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, value)
    with pytest.raises(PlaceError) as told:
        settle()
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_caches_lie_beside_the_instance_where_home_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settle()
    assert "MPLCONFIGDIR" not in os.environ
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "nobody"))
    settle()
    home = Path(os.environ["DAGSTER_HOME"])
    assert os.environ["MPLCONFIGDIR"] == str(home / "matplotlib")
    assert "NUMBA_CACHE_DIR" not in os.environ  # beside the sources, which can be written


def test_full_disk_is_said(tmp_path: Path) -> None:
    """A file size limit makes the kernel refuse the write as a full disk does."""
    program = (
        "import resource, signal\n"
        "from midtrain.places import settle\n"
        "settle()\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "settle()\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert "cannot be written: File too large" in finished.stderr.splitlines()[-1]


def test_bucket_is_asked_for_before_anything_else(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("MIDTRAIN_ROOT", "s3://midtrain/team")
    settle()
    monkeypatch.setenv("MIDTRAIN_ROOT", "s3://nowhere/team")
    with pytest.raises(PlaceError, match="there is no bucket s3://nowhere: make it"):
        settle()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(PlaceError) as told:
        settle()
    assert "s3://nowhere: " in str(told.value) and "AWS_ENDPOINT_URL" in str(told.value)
    assert "\n" not in str(told.value)
