import os
import subprocess
import sys
from pathlib import Path

import pytest

from midtrain.own_packages import require_own_packages

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "call", ["import definitions", "from midtrain.command import main; main()"]
)
def test_a_package_of_another_project_is_refused_in_one_line(tmp_path: Path, call: str) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "__init__.py").write_text("")
    search = os.pathsep.join((str(tmp_path), str(REPOSITORY)))
    command = [sys.executable, "-c", call, "check", str(REPOSITORY / "recipes/demo.yaml")]
    finished = subprocess.run(
        command,
        check=False,
        env={**os.environ, "PYTHONPATH": search},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    told = (finished.stdout + finished.stderr).strip().splitlines()[-1]
    assert f"`assets` is {tmp_path / 'assets' / '__init__.py'}, not the one of" in told
    assert finished.returncode == (1 if "definitions" in call else 2)


def test_ours_are_ours() -> None:
    require_own_packages()
