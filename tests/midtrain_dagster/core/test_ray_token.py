"""Ray keeps a token in ``~/.ray``; where that cannot be, it is handed one."""

import os
from pathlib import Path

import pytest

from midtrain_dagster.core.own_ray import _give_token


def test_token_is_given_where_home_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "before")  # so that it is as before afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    _give_token()
    assert "RAY_AUTH_TOKEN" not in os.environ
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "nobody"))
    _give_token()
    token = os.environ["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    _give_token()
    assert os.environ["RAY_AUTH_TOKEN"] == token
