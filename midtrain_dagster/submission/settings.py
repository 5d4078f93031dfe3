"""The cluster that a recipe's run is submitted to."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel

SECRET = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|API_?KEY|(?<![A-Z])KEY", re.IGNORECASE)
"""Names of environment variables that hold a secret, or may."""

OF_AN_IMAGE = ("image_uri", "container")
"""Fields of a runtime environment beside which Ray takes no folder of files."""


def _of_the_job_server(address: str) -> str:
    if not re.fullmatch(r"https?://[^/\s@]+:\d+/?", address):
        raise ValueError(
            f"{address!r} is no address of Ray's dashboard, which takes jobs: http://HOST:8265"
        )
    return address.rstrip("/")


Address = Annotated[str, AfterValidator(_of_the_job_server)]


class Cluster(FrozenModel):
    """A Ray cluster that runs are submitted to as jobs (docs/clusters.md).

    Without this section a run works on this machine, or on the cluster that
    ``MIDTRAIN_RAY_ADDRESS`` names.
    """

    address: Address = Field(description="Of its dashboard, which takes jobs: `http://HOST:8265`")
    project: str | None = Field(
        None,
        description="The folder in which its nodes have this project, as an image has it; null: it "
        "is uploaded, with the recipe and each file that the recipe names by a relative path",
    )
    runtime_env: dict[str, Any] = Field(
        {},
        description="Ray's runtime environment for the job, beside what is uploaded: `pip`, "
        "`image_uri`, `env_vars`; no secrets, for Ray shows it to whoever sees its dashboard",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        images = [name for name in OF_AN_IMAGE if name in self.runtime_env]
        if images and self.project is None:
            raise ValueError(
                f"nothing can be uploaded into what {images[0]} names: say in which of its folders "
                "the project lies, `project: /app`"
            )
        if "working_dir" in self.runtime_env:
            raise ValueError(
                "working_dir is what this project uploads; where the nodes have it, say `project`"
            )
        secrets = [name for name in self.runtime_env.get("env_vars", {}) if SECRET.search(name)]
        if secrets:
            raise ValueError(
                f"{', '.join(secrets)}: a secret is shown on Ray's dashboard and lies in its logs: "
                "put it into the environment in which the nodes are started"
            )
        return self
