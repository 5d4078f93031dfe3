"""Curation of Debian's documentation, killed twice on the way: the same manifests in the end.

The recipe is ``recipes/debian.yaml`` without the sources that take Trafilatura minutes to read.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.corpus import FOLDER, PACKAGES, fetch

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
SOURCES = (
    *("linux_documentation", "linux_notes", "linux_sources", "python_documentation"),
    *("manual_pages_de", "manual_pages_fr", "handbook_en", "wikipedia", "openwebtext", "planted"),
)
DOCUMENTATION = ("linux-doc", "python3-doc", "manpages-de", "manpages-fr", "debian-handbook")
UNTIL = ("--until", "curated_documents")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = fetch(FOLDER, [package for package in PACKAGES if package.name in DOCUMENTATION])
    assert not missing, missing
    text = (REPOSITORY / "recipes" / "debian.yaml").read_text()
    fields = yaml.safe_load(text.replace("../data", str(REPOSITORY / "data")))
    fields["sources"] = {name: fields["sources"][name] for name in SOURCES}
    fields["collection"] = {"part_bytes": 4_000_000}
    ceilings = fields["curation"]["removal_ceilings"]
    fields["curation"]["removal_ceilings"] = {
        name: share for name, share in ceilings.items() if name in SOURCES
    }
    fields["sampling"]["domains"].pop("books")
    general = {"documentation": 0.5, "handbook": 0.2, "manual_pages": 0.3}
    for stage in fields["stages"].values():
        stage["mixture"]["domains"] = general
        stage.pop("control", None)
    fields["evaluation"] |= {"targets": ["documentation"], "general": ["handbook"]}
    path = tmp_path_factory.mktemp("debian") / "debian.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    return path


def killed(command: Any, recipe: Path, sign: str) -> None:
    """Run until the terminal shows ``sign``, then SIGKILL."""
    process = command.start("run", str(recipe), *UNTIL)
    for line in process.stdout:
        if sign in line:
            break
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_killed_twice_the_corpus_is_the_same(new_command: Any, recipe: Path) -> None:
    undisturbed, disturbed = new_command("undisturbed"), new_command("disturbed")
    finished = undisturbed("run", str(recipe), *UNTIL)
    assert finished.code == 0, finished.output
    killed(disturbed, recipe, "3 of")
    killed(disturbed, recipe, "eligibility")
    finished = disturbed("run", str(recipe), *UNTIL)
    assert finished.code == 0, finished.output
    assert disturbed.manifests() == undisturbed.manifests()
    made = {path for path in disturbed.files() if "/." not in path}
    assert made == set(undisturbed.files())
