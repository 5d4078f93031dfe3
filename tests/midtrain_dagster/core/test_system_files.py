from pathlib import Path

import pytest

from midtrain_dagster.core.known_digests import folder_digests
from midtrain_dagster.core.system_files import is_of_a_system, own_files

LEFT = (
    ".nfs000000000a1b2c3d00000001",
    ".fuse_hidden0000000400000001",
    ".DS_Store",
    "._model.safetensors",
    "Thumbs.db",
    "desktop.ini",
)


@pytest.mark.parametrize("name", LEFT)
def test_what_a_system_leaves_is_known(name: str) -> None:
    assert is_of_a_system(name)


@pytest.mark.parametrize(
    "name", [".gitattributes", ".nfs", "model.safetensors", "a.db", ".hidden", "x.nfs0a1b2c3d"]
)
def test_what_a_person_has_put_there_is_not(name: str) -> None:
    assert not is_of_a_system(name)


def test_own_files_and_their_digests_are_without_it(tmp_path: Path) -> None:
    folder = tmp_path / "a [1] folder"
    for place in (folder, folder / "deep"):
        place.mkdir()
        for name in (*LEFT, "model.safetensors"):
            (place / name).write_bytes(name.encode())
    assert [path.name for path in own_files(folder, "*.safetensors")] == ["model.safetensors"]
    assert set(folder_digests(folder)) == {"model.safetensors", "deep/model.safetensors"}
