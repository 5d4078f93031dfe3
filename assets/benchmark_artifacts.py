"""What a run's checkpoints made of benchmarks, gathered from its artifacts: compared, and as a
section of the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.decontamination import report_section as decontamination
from midtrain_dagster.display.blocks import PageSection
from midtrain_dagster.evaluation import report_section as evaluation
from midtrain_dagster.evaluation.clean_part import clean_scores
from midtrain_dagster.evaluation.comparison import GROUPS, comparisons, spread_of_seeds
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.evaluation.item_groups import group_key, item_groups
from midtrain_dagster.evaluation.learning_curves import learning_curves
from midtrain_dagster.evaluation.profile import profile
from midtrain_dagster.evaluation.report_answers import answers_blocks
from midtrain_dagster.evaluation.report_benchmarks import benchmarks_section
from midtrain_dagster.evaluation.report_comparison import comparison_blocks
from midtrain_dagster.evaluation.report_curves import curves_blocks
from midtrain_dagster.evaluation.report_matrix import matrix_blocks
from midtrain_dagster.evaluation.report_profile import profile_blocks
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.runs import compared_pairs


@dataclass(frozen=True)
class BenchmarkArtifacts:
    """The artifacts that hold what checkpoints made of benchmarks; mappings are by benchmark."""

    recipe: Recipe
    documents: Artifact
    items: Mapping[str, Artifact]
    contamination: Mapping[str, Artifact]
    evaluation: Mapping[str, Artifact]
    measured: Measurements

    @property
    def clean(self) -> pl.DataFrame | None:
        """Scores on items that were found nowhere, beside those on all; none of no benchmark."""
        if not self.recipe.benchmarks:
            return None
        found = decontamination.items_found(self.documents, self.contamination)
        return clean_scores(self.by_item, found, self.groups)

    @cached_property
    def by_item(self) -> pl.DataFrame:
        """What each item contributes to each score of each checkpoint."""
        return evaluation.by_item(self.evaluation.values())

    @cached_property
    def groups(self) -> pl.DataFrame:
        """The items that belong together, of the benchmarks that have some."""
        keys = {name: group_key(each) for name, each in self.recipe.benchmarks.items()}
        found = [
            item_groups(self.items[name].read("items"), key) for name, key in keys.items() if key
        ]
        return pl.concat([GROUPS.to_frame(), *found])

    @cached_property
    def compared(self) -> pl.DataFrame:
        """Each stage against its control and its start, each soup against what it was made of, and
        what fine-tuning made of them, on every benchmark."""
        pairs = compared_pairs(
            self.recipe.runs(),
            self.recipe.checkpoints(),
            {soup: self.recipe.ingredients(soup) for soup in self.recipe.soups},
        )
        return comparisons(self.by_item, self.measured.scores, pairs, self.groups)

    @cached_property
    def seeds(self) -> pl.DataFrame:
        """How the scores of stages with several seeds spread."""
        return spread_of_seeds(self.measured.scores)

    def section(self) -> PageSection:
        """All benchmarks in one table, then what compares checkpoints, then items."""
        benchmarks, scores = self.recipe.benchmarks, self.measured.scores
        answers = evaluation.answers(self.evaluation.values())
        read = {name: self.items[name].read("items") for name in answers["benchmark"].unique()}
        abilities = {name: each.ability for name, each in benchmarks.items()}
        return benchmarks_section(
            scores,
            self.measured.asked,
            [name for name, each in benchmarks.items() if each.evaluate is None],
            self.clean,
            above=[
                *matrix_blocks(scores, self.compared, self.seeds),
                *profile_blocks(profile(scores, abilities)),
                *curves_blocks(
                    learning_curves(self.evaluation.values()), self.recipe.checkpoints()
                ),
                *comparison_blocks(self.compared, self.seeds),
            ],
            below=answers_blocks(answers, read, self.by_item),
        )
