"""The image's Dockerfile and its locks. No image is built here: a linter and their text judge."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from midtrain_dagster.submission.package import CODE

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
LOCK = DEPLOY / "requirements.lock"
OF_CUDA = re.compile("cuda-|nvidia-|triton$")
"""What PyPI's torch needs on Linux, and the build for CPUs that is tested here does not."""


def pins(path: Path) -> dict[str, str]:
    """The versions that a file pins, by canonical name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", path.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def closure(name: str, extras: frozenset[str]) -> Iterator[str]:
    """All that an installed package needs on this platform, by canonical name."""
    waiting, seen = [(canonicalize_name(name), extras)], set()
    while waiting:
        package, asked = each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        for line in requires(package) or ():
            need = Requirement(line)
            environments = [{"extra": extra} for extra in (*asked, "")]
            if need.marker is None or any(map(need.marker.evaluate, environments)):
                needed = canonicalize_name(need.name)
                waiting.append((needed, frozenset(need.extras)))
                yield needed


def test_dockerfile_is_as_its_linter_wants_it() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    command = [linter, "--format", "json", DEPLOY / "Dockerfile"]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert json.loads(linted.stdout) == []


def test_image_is_nobodys_root_and_installs_what_has_a_hash() -> None:
    users = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    assert users == ["10001"] and "--uid 10001" in DOCKERFILE
    for install in re.findall(r"pip install (?:[^&\n]|\\\n)*", DOCKERFILE):
        assert "--require-hashes" in install or install.split()[-3:-1] == ["--editable", "."], (
            install
        )
        assert "--no-build-isolation" in install or "build.lock" in install, install


def test_image_has_the_files_that_it_needs() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    given = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert given >= {*CODE, "deploy", "pyproject.toml", "workspace.yaml", "README.md", "LICENSE"}
    assert not [name for name in given if not (REPOSITORY / name).exists()]
    copied = re.findall(r"^COPY (?:--\S+ )*(.*) \S+$", DOCKERFILE, re.MULTILINE)
    named = re.findall(r"deploy/\S+", DOCKERFILE)
    assert all((REPOSITORY / each).exists() for line in copied for each in line.split())
    assert all((REPOSITORY / each.rstrip(".")).exists() for each in named), named


def test_lock_has_every_package_as_constraints_have_it() -> None:
    """If not, the lock is to be made anew: its second line says how."""
    locked = pins(LOCK)
    constrained = pins(DEPLOY / "build.lock") | pins(REPOSITORY / "constraints.txt")
    needed = set(closure("midtrain-dagster", frozenset({"postgres"})))
    assert needed <= set(locked), f"not locked: {needed - set(locked)}"
    unknown = {name for name in locked if name not in constrained}
    assert all(OF_CUDA.match(name) for name in unknown), unknown
    other = {n: (v, constrained[n]) for n, v in locked.items() if constrained.get(n, v) != v}
    assert not other, other


def test_lock_has_a_hash_of_every_package() -> None:
    for path in (LOCK, DEPLOY / "build.lock"):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", path.read_text())[1:]
        assert len(blocks) >= 2
        for block in blocks:
            assert re.fullmatch(
                r"[\w.-]+==\S+( ; .*)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n?", block
            ), block
