"""What a recipe says of its cluster is refused before anything is asked of one."""

from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.submission.settings import Cluster

HEAD = "http://head:8265"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"address": "head:8265"}, "is no address of Ray's dashboard"),
        ({"address": "ray://head:10001"}, "http://HOST:8265"),
        ({"address": "http://me:secret@head:8265"}, "is no address"),
        ({"address": HEAD, "runtime_env": {"image_uri": "house:1"}}, "`project: /app`"),
        ({"address": HEAD, "runtime_env": {"working_dir": "."}}, "say `project`"),
        (
            {"address": HEAD, "runtime_env": {"env_vars": {"AWS_SECRET_ACCESS_KEY": "x"}}},
            "AWS_SECRET_ACCESS_KEY: a secret is shown",
        ),
        (
            {"address": HEAD, "runtime_env": {"env_vars": {"SOME_APIKEY": "x", "PASSWD": "x"}}},
            "SOME_APIKEY, PASSWD: a secret is shown",
        ),
        ({"address": HEAD, "runtime_env": {"env_vars": {"HF_TOKEN": "x"}}}, "HF_TOKEN: a secret"),
    ],
)
def test_cluster_that_cannot_be_submitted_to_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Cluster.model_validate(fields)


def test_cluster_is_an_address_and_what_goes_with_it() -> None:
    assert Cluster(address=f"{HEAD}/").address == HEAD
    plain = {"env_vars": {"TOKENIZERS_PARALLELISM": "0", "OMP_NUM_THREADS": "1"}}
    with pytest.raises(ValidationError):  # a name that may be a secret's is taken for one
        Cluster(address=HEAD, runtime_env=plain)
    image = {"image_uri": "house:1", "env_vars": {"OMP_NUM_THREADS": "1"}}
    assert Cluster(address=HEAD, project="/app", runtime_env=image).runtime_env == image
