"""``dg``, Dagster's own command, as a person uses it in the project's folder."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]


def dg(*arguments: str, **environment: str) -> str:
    """What the command prints; it must succeed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "MIDTRAIN"))}
    finished = subprocess.run(
        [Path(sys.executable).parent / "dg", *arguments],
        cwd=REPOSITORY,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def test_dg_finds_components_and_definitions_sound() -> None:
    assert "validated successfully" in dg("check", "yaml")
    output = dg("check", "defs")
    assert "All component YAML validated successfully." in output
    assert "All definitions loaded successfully." in output


def test_dg_lists_what_the_component_defines() -> None:
    output = dg("list", "defs", "--json")
    listed = json.loads(output[output.index("{\n") :])
    assert {each["source"].rpartition(":")[0] for each in listed["assets"]} == {
        "recipes/defs/demo/defs.yaml"
    }
    conditions = {each["asset_key"] for each in listed["assets"] if "automation_condition" in each}
    assert "demo/evaluation" in conditions and "demo/token_shards" not in conditions
    assert {"demo_automation", "demo_benchmarks"} <= {each["name"] for each in listed["sensors"]}


def test_dg_launches_an_asset_and_finds_what_is_made(whole_run: Any, tiny: Path) -> None:
    command, _ = whole_run
    before, sessions = command.files(), command.ray_started()
    environment = command.environment | {
        "MIDTRAIN_RECIPE": str(tiny),
        "DAGSTER_HOME": str(command.root / ".dagster"),
    }
    for asset, options in {
        "tiny/documents": (),
        "tiny/contamination": ("--partition", "hellaswag"),
    }.items():
        output = dg("launch", "--assets", f'key:"{asset}"', *options, **environment)
        assert f"Materialized value {asset.replace('/', ' ')}" in output
    assert command.files() == before
    assert command.ray_started() == sessions
