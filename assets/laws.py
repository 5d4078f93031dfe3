"""Decay laws, fitted to the logs of the recipe's runs: each an asset ``law/NAME``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.declaration import Given
from assets.estimate import SMALL_BYTES
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.laws.decay import law_versions
from midtrain_dagster.laws.decay.config import DecayLawSection
