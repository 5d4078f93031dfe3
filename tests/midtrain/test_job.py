"""What a cluster is asked to run is refused there, or here already, before anything is made."""

from pathlib import Path

import pytest

from midtrain.exit_codes import UNUSABLE
from midtrain.job import main
from midtrain.run import _submitted_to
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.recipe_file import load_recipe

HEAD = "http://head:8265"
RECIPE = Path(__file__).parents[1] / "recipes" / "minimal.yaml"


def test_job_makes_no_other_recipe_than_was_submitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(str(RECIPE), "0" * 32) == UNUSABLE
    assert "another recipe than the one that was submitted" in capsys.readouterr().out
    assert main(str(tmp_path / "mine.yaml"), "0" * 32) == UNUSABLE
    assert "mine.yaml: there is no such recipe on this cluster" in capsys.readouterr().out


def test_address_of_the_command_takes_the_place_of_the_recipes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MIDTRAIN_RAY_ADDRESS", raising=False)
    recipe = load_recipe(RECIPE)
    assert _submitted_to(recipe, None) is recipe
    named = _submitted_to(recipe, "http://other:8265")
    assert named.cluster is not None
    again = _submitted_to(
        named.model_copy(update={"cluster": named.cluster.model_copy(update={"project": "/app"})}),
        HEAD,
    )
    assert again.cluster is not None
    assert (again.cluster.address, again.cluster.project) == (HEAD, "/app")
    with pytest.raises(ClusterError, match=r"--submit: .*is no address of Ray's dashboard"):
        _submitted_to(recipe, "head:6379")
    monkeypatch.setenv("MIDTRAIN_RAY_ADDRESS", "auto")
    with pytest.raises(ClusterError, match="and MIDTRAIN_RAY_ADDRESS this process: unset one"):
        _submitted_to(recipe, HEAD)
