"""Questions that stand in web pages with their answers, recalled, extracted and refined.

WebInstruct of MAmmoTH2 (Yue et al. 2024, arXiv 2405.03548): pages like given seed documents are
recalled by fastText and by their sites (``recall.py``), question-answer pairs that stand in them
are extracted, and answers are written out (``extraction.py``). They ask models of 72 and 22
billion parameters for the last two steps; every check here is ours, since a small model invents.

What is extracted is the page's, so it is extraction in the survey's sense (*LLM Mid-Training*,
arXiv 2510.23081, section 3.2), unlike ``question_answer``, whose questions a model makes up.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.synthesis import extraction, recall
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.extraction import ExtractionConfig, Pair, Reason
from midtrain_dagster.synthesis.method import Making
from midtrain_dagster.synthesis.passages import choose_documents
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (extraction, recall)


class Config(ExtractionConfig):
    """Questions and answers that stand in pages which are like given documents."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "extraction"
    FORM: ClassVar[str] = "question_answer"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)
    LABELS: ClassVar[tuple[str, str]] = ("Question", "Answer")
    FINAL: ClassVar[bool] = False
    INSTRUCTIONS: ClassVar[tuple[str, str]] = (
        "Copy a question that is asked in the text, and the answer that the text gives. Write none "
        "where no question is asked and answered.",
        "Write each answer out in one or two full sentences. Say the same, and add no new facts.",
    )
    EXTRACTED: ClassVar[Sequence[tuple[str, Pair | None]]] = (
        (
            "FAQ | Contact. How long does a parcel take? Within the country it is three days. We "
            "ship from Monday to Friday.",
            Pair("How long does a parcel take?", "Within the country it is three days."),
        ),
        (
            "The old mill was sold in 1902. Its new owner put in a steam engine and two more "
            "floors, and the wheel was taken away.",
            None,
        ),
        (
            "Posted by Ann: my bread never rises, why is that? Reply: Your water was too hot, "
            "which kills the yeast. Keep it below 40 degrees. (12 likes)",
            Pair(
                "My bread never rises, why is that?",
                "Your water was too hot, which kills the yeast. Keep it below 40 degrees.",
            ),
        ),
    )
    REFINED: ClassVar[Sequence[tuple[Pair, str]]] = (
        (
            Pair("How long does a parcel take?", "Within the country it is three days."),
            "A parcel that is sent within the country takes three days.",
        ),
        (
            Pair("What does the ticket cost", "8 euro"),
            "The ticket costs 8 euro.",
        ),
    )

    method: Literal["extracted_questions"] = "extracted_questions"
    positives: list[str] = Field(
        min_length=1, description="domains whose documents are like those to be recalled"
    )
    domain: str = Field(default="extracted_questions", description="the domain that pairs feed")

    @property
    def document_form(self) -> str:
        """The question and its answer."""
        return "Question: {asked}\n\nAnswer: {answer}"

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents to ask about: drawn from those that are recalled. ``searched`` and
        ``likely`` come along, for the yield of that step."""
        seeds = documents.filter(pl.col("domain").is_in(self.positives))
        searched = documents.filter(
            pl.col("domain").is_in(self.domains) & ~pl.col("domain").is_in(self.positives)
        )
        found = recall.recall(seeds, searched, seed=self.seed)
        chosen = choose_documents(
            found.documents, domains=self.domains, count=self.documents, seed=self.seed
        )
        return chosen.with_columns(
            searched=pl.lit(found.searched),
            likely=pl.lit(found.likely),
            sites=found.documents.height,
        )

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Count the recall, then extract and refine."""
        if seeds.height:
            searched, likely, sites = seeds.select("searched", "likely", "sites").row(0)
            collector.step("recall", searched, likely)
            collector.step("sites", likely, sites)
        return (yield from super().make(seeds, collector))
