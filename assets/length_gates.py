"""Gates between lengths: measured when a stage is trained, and asked before another starts from it.

The asset ``gate/NAME`` compares a stage with the checkpoint that it started from. It costs no
reading of its own: what it needs is asked by the same units of work as ``held_out_losses``,
``evaluation`` and ``long_context`` ask it. The next stage has it as an input that is no cause, and
raises before a step, and before its shards are looked through, where the gate failed. A stage that
nothing starts from has its gate displayed, passed or failed.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import AFTER_PREFLIGHT, Input
from assets.estimate import SMALL_BYTES
from assets.evaluation import HELD_OUT, how_asked, losses_asked, losses_work, read_with, scores_work
from assets.leaks import NAME as LEAKS
from assets.leaks import leaked_ids
from assets.long_context import FOUND, found_work
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import Versions, versions_of
from midtrain_dagster.core.parts import read_table
from midtrain_dagster.evaluation import (
    checkpoint_long_context,
    checkpoint_losses,
    harness,
    length_gates,
)
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.clean_part import losses_without
from midtrain_dagster.evaluation.harness import SCORES
from midtrain_dagster.evaluation.length_gates import DESCRIPTIONS, gate_checks, gate_names
from midtrain_dagster.long_context.settings import Gates
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale
from resources.terminal import LOST, TOLD

GATES = pl.Schema({"gate": pl.String, "passed": pl.Boolean, "detail": pl.String})


def gate_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``gate/NAME`` for each stage that has something to show."""
    return [_gate(recipe, name, gates) for name, gates in recipe.gates.items()]


def gate_input(recipe: Recipe, run: Run) -> dict[str, Input]:
    """The gate of the stage that a run starts from, if it has one: no cause of what is trained."""
    if run.start not in recipe.gates or run.role == "fine_tuned":
        return {}
    return {"gate": Input(f"gate/{run.start}", cause=None)}


def refuse_failed_gate(recipe: Recipe, build: Build, run: Run) -> None:
    """Raises :class:`dagster.Failure` where the gate of the run's start failed, in one line.

    A rehearsal goes on: it is too small to pass.
    """
    if "gate" not in build.inputs or recipe.scale != Scale():
        return
    failed = [check for check in checks_of_gate(build["gate"]) if not check.passed]
    if failed:
        told = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise dg.Failure(
            f"{run.name} was not trained: {run.start}, from which it starts, has not passed its "
            f"gate: {told}. Train {run.start} longer or otherwise, or change its `checks`",
            allow_retries=False,
        )


def checks_of_gate(artifact: Artifact) -> list[Check]:
    """The gates of one stage, of the artifact ``gate/NAME``."""
    rows = artifact.read("gates").iter_rows(named=True)
    return [Check(row["gate"], row["passed"], row["detail"], gate=True) for row in rows]


def length_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """The gates as Dagster's checks on ``gate/NAME``."""
    return [_checks(recipe, name, gates) for name, gates in recipe.gates.items()]


def _checks(recipe: Recipe, name: str, gates: Gates) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([recipe.name, "gate", name])
    asked = gate_names(gates, has_scores=bool(_benchmarks(recipe, gates)))

    @dg.multi_asset_check(
        name=f"{recipe.name}__{name}__gates",
        specs=[
            dg.AssetCheckSpec(f"{name}_{each}", asset=key, description=DESCRIPTIONS[each])
            for each in asked
        ],
        ins={"gate": dg.AssetIn(key=key)},
    )
    def gates_of(gate: Artifact) -> Iterator[dg.AssetCheckResult]:
        """Shows what was compared; the next stage stops where a gate failed."""
        for check in checks_of_gate(gate):
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=check.name,
                passed=check.passed,
                severity=dg.AssetCheckSeverity.ERROR,
                description=check.detail,
            )

    return gates_of


def _benchmarks(recipe: Recipe, gates: Gates) -> list[str]:
    """The benchmarks whose scores a gate looks at."""
    if gates.scores is None:
        return []
    return [name for name, each in recipe.benchmarks.items() if each.evaluate is not None]


def _gate(recipe: Recipe, name: str, gates: Gates) -> dg.AssetsDefinition:
    run = next(each for each in recipe.runs() if each.name == name)
    window = recipe.stages[name].sequence_length
    needs_start = gates.general_loss is not None or gates.scores is not None
    benchmarks = _benchmarks(recipe, gates)
    inputs: dict[str, str | Input] = {
        "tokenizer": "tokenizer",
        "token_shards": "token_shards",
        **AFTER_PREFLIGHT,
        LEAKS: LEAKS,
        "checkpoint": f"checkpoint/{name}",
    }
    if needs_start:
        inputs["start"] = f"checkpoint/{run.start}"
    if benchmarks:
        inputs["benchmark_items"] = "benchmark_items"

    @artifact_asset(
        recipe,
        f"gate/{name}",
        group="training",
        method="gate",
        versions=_versions(recipe),
        section={
            "gates": gates,
            "stage": name,
            "start": run.start if needs_start else None,
            "window": window,
            "general": recipe.measures.general,
            "losses": losses_asked(recipe) if gates.general_loss is not None else None,
            "scores": {each: how_asked(recipe.benchmarks[each]) for each in benchmarks},
            "read_with": read_with(recipe) if benchmarks else None,
            "found": (recipe.contexts, recipe.haystack) if gates.needles else None,
        },
        inputs=inputs,
        rows="gates",
        metadata=lambda artifact: _shown(name, artifact),
        kinds=("pytorch", "ray"),
        checked=True,
        amount=0.0,
        expected_bytes=SMALL_BYTES,
        description=f"What `{name}` has to show before another stage may start from it: loss and "
        "scores in short windows recovered, and what is hidden found up to its own.",
    )
    def gate(build: Build) -> Built:
        names = {name: build["checkpoint"]}
        if needs_start:
            names[run.start] = build["start"]
        made = gate_checks(
            name,
            run.start,
            gates,
            window=window,
            losses=_losses(recipe, build, names) if gates.general_loss is not None else _NONE,
            general=recipe.measures.general,
            scores=_scores(recipe, build, names, benchmarks) if benchmarks else None,
            found=_found(recipe, build, name) if gates.needles else None,
        )
        rows = [(check.name, check.passed, check.detail) for check in made]
        table = pl.DataFrame(rows, schema=GATES, orient="row")
        return [build.write("gates", table)], {
            "passed": int(table["passed"].sum()),
            "failed": table.height - int(table["passed"].sum()),
        }

    return gate


def _versions(recipe: Recipe) -> Versions:
    """Of the comparison, and of all that it compares."""
    own = versions_of(length_gates, checkpoint_losses, harness)
    asked = recipe.contexts
    return own if asked is None else {**own, **checkpoint_long_context.versions(asked)}


_NONE = pl.DataFrame(schema={"checkpoint": pl.String, "domain": pl.String, "loss": pl.Float64})


def _losses(recipe: Recipe, build: Build, names: dict[str, Artifact]) -> pl.DataFrame:
    """The held-out losses of the checkpoints, without documents that were trained on."""
    dtype = Tokenizer(build["tokenizer"]).dtype
    held_out = [part for part in build["token_shards"].manifest.parts if part.table in HELD_OUT]
    parts = build.parts(
        losses_work(recipe, checkpoint, held_out, dtype, name) for name, checkpoint in names.items()
    )
    leaked = leaked_ids(build[LEAKS])
    table = "losses_by_document" if leaked else "losses"
    read = pl.concat(
        [read_table(build.store.storage, part) for part in parts if part.table == table]
    )
    return losses_without(read, leaked) if leaked else read


def _scores(
    recipe: Recipe, build: Build, names: dict[str, Artifact], benchmarks: list[str]
) -> pl.DataFrame:
    """The scores of the checkpoints on the benchmarks, with the checkpoint."""
    items = build.partitions("benchmark_items")
    asked = [
        (name, scores_work(recipe, recipe.benchmarks[each], method, items[each], checkpoint))
        for each in benchmarks
        if (method := recipe.benchmarks[each].evaluate) is not None
        for name, checkpoint in names.items()
    ]
    made = build.by_work(work for _, work in asked)
    read = [
        read_table(build.store.storage, part).select(
            pl.lit(name).alias("checkpoint"), *SCORES.names()
        )
        for (name, _), parts in zip(asked, made, strict=True)
        for part in parts
        if part.table == "scores"
    ]
    return pl.concat([pl.DataFrame(schema={"checkpoint": pl.String, **SCORES}), *read])


def _found(recipe: Recipe, build: Build, name: str) -> pl.DataFrame | None:
    """What the stage finds in long contexts."""
    if recipe.contexts is None:
        return None
    work = found_work(recipe, recipe.contexts, build, build["checkpoint"], name)
    return pl.concat(
        [
            read_table(build.store.storage, part)
            for part in build.parts([work])
            if part.table == FOUND
        ]
    )


def _shown(name: str, artifact: Artifact) -> dict[str, object]:
    """The gates, and in the terminal whether they were passed."""
    checks = checks_of_gate(artifact)
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    shown: dict[str, object] = {
        "gates": markdown_table(
            ("gate", "", "what was measured"),
            [(each.name, "passed" if each.passed else "failed", each.detail) for each in checks],
        ),
        TOLD: f"{len(checks) - len(failed)} of {len(checks)} gates of {name} passed",
    }
    if failed:
        shown[LOST] = "\n".join([f"{name} has not passed its gate", *failed])
    return shown
