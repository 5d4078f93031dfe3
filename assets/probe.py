"""The probe: questions of curated documents, asked before synthesis and after training.

``probe/questions`` and ``probe/gaps`` come before the methods of synthesis that draw towards what
is not known; ``probe/changes`` asks every checkpoint about held-out documents, which no method asks
about and no stage is trained on. Topics are chosen by questions of other documents: one that was
chosen for its wrong answers would look better the second time by luck alone.
"""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import AFTER_PREFLIGHT
from assets.estimate import SMALL_BYTES, reading_amount
from assets.evaluation import inputs_by_checkpoint, shortest_window
from assets.samples import with_tokenizer
from assets.synthesis import kept
from midtrain_dagster.core.artifacts import Artifact, scan_parts
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.evaluation import checkpoint_cloze
from midtrain_dagster.probe import cloze, knowledge, topics
from midtrain_dagster.probe.report_section import change_rows, examples, gap_rows
from midtrain_dagster.probe.settings import Probe
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import field_in_file
from midtrain_dagster.tokens import edits, held_out
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint

QUESTIONS, GAPS, CHANGES = "probe/questions", "probe/gaps", "probe/changes"

EXAMPLES = 10
"""Questions that the UI shows."""

QUESTION_TOKENS = 120
"""Of a question with one of its answers, to foretell the time."""


def probe_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The three assets below ``probe``; none for a recipe without one."""
    probe = recipe.probe
    if probe is None:
        return []
    return [_questions(recipe, probe), _gaps(recipe, probe), _changes(recipe, probe)]


def _questions(recipe: Recipe, probe: Probe) -> dg.AssetsDefinition:
    asked = {
        "items": probe.items,
        "distractors": probe.distractors,
        "context_bytes": probe.context_bytes,
        "seed": probe.seed,
    }

    @artifact_asset(
        recipe,
        QUESTIONS,
        group="probe",
        method="probe_questions",
        versions=versions_of(cloze, topics, held_out, *([edits] if recipe.edits_text else [])),
        section={
            **asked,
            "domains": probe.domains,
            "topics": probe.topics,
            "held_out": recipe.held_out,
            "seed_of_held_out": recipe.seed,
        },
        inputs={"documents": "documents", "decisions": "curated_documents"},
        rows="items",
        metadata=_examples,
        kinds=("polars",),
    )
    def questions(build: Build) -> Built:
        """Cloze questions of curated documents, and the topic of each document.

        The table `items` has the questions, half of them of held-out documents; `topics` has the
        topic of every document, `names` what topics are called.
        """
        there = kept(build["documents"], build["decisions"])
        there = there.filter(pl.col("domain").is_in(probe.domains))
        if there.is_empty():
            raise _nothing(recipe, "no document of them is kept")
        if probe.topics == "domains":
            names = sorted(set(there["domain"]))
            numbered = {name: number for number, name in enumerate(names)}
            by_topic = there.select("id", topic=pl.col("domain").replace_strict(numbered))
        else:
            by_topic, names = topics.cluster(there, count=probe.topics, seed=probe.seed)
        by_topic = by_topic.cast(topics.TOPICS)
        apart = is_held_out(there["id"], share=recipe.held_out, seed=recipe.seed)
        asked_of = there.select("id", "text", held_out=apart).join(by_topic, on="id")
        items = cloze.questions(asked_of, **asked)
        for side, what in ((False, "of documents that are trained on"), (True, "held-out")):
            if items.filter(held_out=side).is_empty():
                raise _nothing(recipe, f"no question can be made {what} of theirs")
        called = pl.DataFrame({"topic": range(len(names)), "name": names})
        sizes = by_topic.group_by("topic").agg(documents=pl.len())
        called = called.cast({"topic": pl.UInt16}).join(sizes, on="topic", maintain_order="left")
        parts = [
            build.write("items", items),
            build.write("topics", by_topic),
            build.write("names", called),
        ]
        return parts, {"topics": called.height, "questions": items.height}

    return questions


def _nothing(recipe: Recipe, why: str) -> dg.Failure:
    return dg.Failure(
        f"{field_in_file(recipe, ('probe', 'domains'))}: {why}, so nothing can be asked: add "
        "documents, have curation keep more, or name other domains",
        allow_retries=False,
    )


def _gaps(recipe: Recipe, probe: Probe) -> dg.AssetsDefinition:
    @artifact_asset(
        recipe,
        GAPS,
        group="probe",
        method="probe_gaps",
        versions=versions_of(checkpoint_cloze, knowledge),
        section={
            "checkpoint": probe.checkpoint,
            "floor": probe.floor,
            "window": shortest_window(recipe),
        },
        inputs={
            "questions": QUESTIONS,
            "tokenizer": "tokenizer",
            "checkpoint": f"checkpoint/{probe.checkpoint}",
        },
        rows="gaps",
        amount=_amount(recipe, probe) / len(recipe.checkpoints()),
        expected_bytes=SMALL_BYTES,
        metadata=_gaps_shown,
        kinds=("pytorch", "ray"),
    )
    def gaps(build: Build) -> Built:
        """What the checkpoint does not know before synthesis, by topic, and what a topic's seeds
        weigh for it."""
        parts = build.parts(
            [_work(recipe, build, build["checkpoint"], probe.checkpoint, held_out=False)]
        )
        answers = scan_parts(build.store.storage, parts).collect()
        names = build["questions"].read("names")
        chance = 1 / (1 + probe.distractors)
        gap = knowledge.gaps(answers, topics=names.height, chance=chance)
        found = knowledge.by_topic(answers).drop("checkpoint")
        table = (
            names.with_columns(gap=gap, weight=knowledge.weights(gap, probe.floor))
            .join(found, on="topic", how="left", maintain_order="left")
            .with_columns(pl.col("questions").fill_null(0))
        )
        share = answers["is_right"].mean()
        figures = {"right": share if isinstance(share, float) else None, "chance": chance}
        return [*parts, build.write("gaps", table)], figures

    return gaps


def _changes(recipe: Recipe, probe: Probe) -> dg.AssetsDefinition:
    checkpoints = inputs_by_checkpoint(recipe)

    @artifact_asset(
        recipe,
        CHANGES,
        group="probe",
        method="probe_changes",
        versions=versions_of(checkpoint_cloze),
        section={"checkpoints": list(checkpoints), "window": shortest_window(recipe)},
        inputs={
            "questions": QUESTIONS,
            "tokenizer": "tokenizer",
            **AFTER_PREFLIGHT,
            **{key: f"checkpoint/{name}" for name, key in checkpoints.items()},
        },
        rows="answers",
        amount=_amount(recipe, probe),
        expected_bytes=SMALL_BYTES,
        beside=lambda build, artifact: {
            "by_topic": _table(
                *change_rows(
                    build["questions"].read("names"), artifact.read("answers"), probe.checkpoint
                )
            )
        },
        kinds=("pytorch", "ray"),
    )
    def changes(build: Build) -> Built:
        """What every checkpoint answers to questions of held-out documents: no method of synthesis
        asked about them, and no stage was trained on them."""
        return build.parts(
            _work(recipe, build, build[key], name, held_out=True)
            for name, key in checkpoints.items()
        )

    return changes


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> dg.MarkdownMetadataValue:
    """A table of the report as the UI shows it."""
    titles = [head.removeprefix("#") for head in heads]
    right = [title for title, head in zip(titles, heads, strict=True) if head.startswith("#")]
    return markdown_table(titles, rows, numbers=right)


def _examples(artifact: Artifact) -> Mapping[str, dg.MarkdownMetadataValue]:
    shown = examples(artifact.read("items"), EXAMPLES)
    return {"questions_such_as": markdown_table(("question", "answer", "wrong answers"), shown)}


def _gaps_shown(artifact: Artifact) -> Mapping[str, dg.MarkdownMetadataValue]:
    return {"by_topic": _table(*gap_rows(artifact.read("gaps"), {}))}


def _work(recipe: Recipe, build: Build, checkpoint: Artifact, name: str, *, held_out: bool) -> Work:
    """A checkpoint's answers to the questions of one side."""
    model = with_tokenizer(Checkpoint(checkpoint), Tokenizer(build["tokenizer"]))
    return Work(
        checkpoint_cloze.measure,
        tables={"items": build["questions"].parts("items")},
        files={"model": model},
        parameters={
            "checkpoint": name,
            "held_out": held_out,
            "window": shortest_window(recipe),
        },
        by_bytes=False,
    )


def _amount(recipe: Recipe, probe: Probe) -> float:
    tokens = probe.items * (1 + probe.distractors) * QUESTION_TOKENS
    return reading_amount(recipe, float(tokens))
