"""Synthesis: documents made from curated ones, which then pass the same tests as any other.

Each method of the recipe has assets of its own below ``synthesis/NAME``. No method is known here by
name: see ``midtrain_dagster.synthesis.method``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, image
from assets.curation.group import curation_assets
from assets.decontamination import contamination_assets
from midtrain_dagster.core import progress
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.core.schema import synthetic_source
from midtrain_dagster.inference import batches
from midtrain_dagster.inference.beginnings import BEGINNINGS
from midtrain_dagster.inference.generator import Request, small_generator
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import field_in_file
from midtrain_dagster.synthesis import frame, judged, small_generators, towards
from midtrain_dagster.synthesis.answers import Answered, Answers
from midtrain_dagster.synthesis.assembly import Assembly, outcomes
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import drive, unasked
from midtrain_dagster.synthesis.judged import Sitting
from midtrain_dagster.synthesis.method import Method, author, versions
from midtrain_dagster.synthesis.report_section import STEP
from midtrain_dagster.synthesis.tables import EXAMPLES_KEPT
from midtrain_dagster.synthesis.towards import choose_towards
from midtrain_dagster.tokens import edits, held_out, splits
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.training.artifact import is_of_model
from resources.generator import retries
from resources.terminal import LOST, TOLD

ABOUT = (
    "Held-out documents are never asked about. The table `rejects` has what was not accepted, with "
    "the reason; `examples` shows some of what was; `requests` and `answers` have what was "
    "asked and what came back."
)


ASSEMBLED = (
    "Held-out documents are never in it. The table `files` says what became of each document that "
    "was looked at."
)


def synthesis_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The documents of each method and their curation; nothing for a recipe without synthesis."""
    assets: list[dg.AssetsDefinition] = []
    for name, method in recipe.synthesis.items():
        documents, prefix = f"synthesis/{name}/documents", ("synthesis", name)
        made = _assembled if isinstance(method, Assembly) else _documents
        assets += [
            made(recipe, name, method, documents),  # type: ignore[arg-type]
            *curation_assets(recipe, documents=documents, prefix=prefix),
            *contamination_assets(recipe, documents=documents, prefix=prefix),
        ]
    return assets


def _documents(recipe: Recipe, name: str, method: Method, asset: str) -> dg.AssetsDefinition:
    source, generator, judge = synthetic_source(name), method.generator, method.judged
    drawn, small = method.draw == "towards_unknown", small_generators.asked(method)
    asked = {
        **({"generator": generator} if generator and small is None else {}),
        **({"judge": judge.generator} if judge else {}),
        **method.also_asked,
    }

    @artifact_asset(
        recipe,
        asset,
        group=f"synthesis_{name}",
        versions={
            **versions(method),
            **{
                module: version
                for each in ([generator] if generator else []) + [*method.also_asked.values()]
                for module, version in batches.versions(each).items()
            },
            **judged.versions(judge),
            **(versions_of(towards) if drawn else {}),
            **versions_of(frame, held_out, *([edits] if recipe.edits_text else [])),
        },
        method="synthetic_documents",
        section={
            "method": method,
            # Both are written into the documents; where the model lies is no cause.
            "source": source,
            "written_by": author(method),
            "held_out": recipe.held_out,
            "seed": recipe.seed,
        },
        inputs={
            **{"documents": "documents", "decisions": "curated_documents"},
            **({"questions": "probe/questions", "gaps": "probe/gaps"} if drawn else {}),
            **({"generator": f"generator/{small}"} if small else {}),
        },
        external=lambda _: {
            **{role: each.identity(recipe.path) for role, each in asked.items()},
            **method.given(recipe.path),
        },
        rows="documents",
        metadata=lambda artifact: _metadata(artifact, method),
        kinds=("huggingface", "ray"),
        description=f"{type(method).__doc__}\n\n{ABOUT}",
        retry=next(filter(None, map(retries, asked.values())), None),
        amount=method.documents,
    )
    def documents(build: Build) -> Built:
        askable = _askable(recipe, build["documents"], build["decisions"])
        if small is not None:
            askable = _unlearnt(recipe, small, askable)
        parts: list[Part] = []
        if drawn:
            topics, gaps = build["questions"].read("topics"), build["gaps"].read("gaps")
            chosen, by_topic = choose_towards(method, askable, topics, gaps)
            parts.append(build.write("drawn", by_topic))
        else:
            chosen = method.choose(askable)
        nothing = bool(method.domains) and chosen.is_empty()
        if nothing and not _fed_by_others(recipe, name):
            raise dg.Failure(
                f"{field_in_file(recipe, ('synthesis', name, 'domains'))}: no document of "
                f"{', '.join(method.domains)} is kept, long enough and not held out, so nothing "
                "can be asked: add documents, have curation keep more, or name other domains",
                allow_retries=False,
            )

        def stream(prompts: pl.DataFrame, request: Request) -> Iterator[pl.DataFrame]:
            with _folder(recipe, build, request) as folder:
                yield from build.text_generator.stream(prompts, request, folder)

        def ask(requests: pl.DataFrame, request: Request, round: int) -> Answered:
            role = next((each for each, by in asked.items() if by == request.generator), None)
            answers = Answers(
                storage=build.store.storage,
                identity=build.external[role] if role else build["generator"].fingerprint,
                stream=stream,
                failed_share=method.failed_share,
            )
            unit = "prompts" if round == 1 else f"prompts of round {round}"
            return answers.ask(
                requests, request, lambda done, total: progress.report(asset, done, total, unit)
            )

        collector = Collector(method, source=source, written_by=author(method))
        sitting = Sitting(judge) if judge and not nothing else None
        making = (
            unasked(collector) if nothing else method.located(recipe.path).make(chosen, collector)
        )
        made = drive(sitting.after(making) if sitting else making, ask)
        written, rejects, examples = made.accepted
        if written.is_empty() and not _fed_by_others(recipe, name):
            raise dg.Failure(
                f"none of {made.first} completions was accepted ({_most(rejects)}), and nothing "
                f"else feeds {method.domain!r}; look at the generator, or ask about more documents",
                allow_retries=False,
            )
        parts += [
            build.write("documents", written),
            build.write("rejects", rejects),
            build.write("examples", examples.head(EXAMPLES_KEPT)),
            build.write("requests", made.requests),
            *made.answers,
        ]
        if sitting:
            parts.append(build.write(judged.SCORES_TABLE, sitting.scores))
            parts.append(build.write(judged.VERDICTS_TABLE, sitting.verdicts))
        figures: dict[str, int | float | str | None] = {
            "asked": chosen.height,
            "prompts": made.first,
            "accepted": written.height,
            "yield": round(written.height / max(1, made.first), 4),
            "requests": made.asked,
            "truncated": made.truncated,
            "tokens_in": made.tokens_in,
            "tokens_out": made.tokens_out,
            "checks": ", ".join([*method.CHECKS, *(judged.REASONS if judge else ())]),
            **{
                f"{STEP}{name}": f"{left} of {all}" for name, (all, left) in collector.steps.items()
            },
            **(sitting.figures() if sitting else {}),
        }
        return parts, figures

    return documents


def _assembled(recipe: Recipe, name: str, method: Assembly, asset: str) -> dg.AssetsDefinition:
    @artifact_asset(
        recipe,
        asset,
        group=f"synthesis_{name}",
        versions={
            **versions(method),
            **versions_of(held_out, *([edits] if recipe.edits_text else [])),
        },
        method="assembled_documents",
        section={
            "method": method,
            "source": synthetic_source(name),
            "held_out": recipe.held_out,
            "seed": recipe.seed,
        },
        inputs={"documents": "documents", "decisions": "curated_documents"},
        rows="documents",
        metadata=_assembled_metadata,
        description=f"{type(method).__doc__}\n\n{ASSEMBLED}",
    )
    def documents(build: Build) -> Built:
        there = _askable(recipe, build["documents"], build["decisions"])
        made = method.assemble(there, source=synthetic_source(name))
        if made.documents.is_empty():
            raise dg.Failure(
                f"{field_in_file(recipe, ('synthesis', name))}: nothing of "
                f"{', '.join(method.domains)} can be put together "
                f"({_told(made.files) or 'no document is kept and not held out'}): name other "
                "domains, or lower what is asked of files and packages",
                allow_retries=False,
            )
        parts = [
            build.write("documents", made.documents),
            build.write("files", made.files),
            build.write("examples", made.examples.head(EXAMPLES_KEPT)),
        ]
        joined = made.files.filter(outcome="joined").height
        return parts, {"files": made.files.height, "joined": joined}

    return documents


def _told(files: pl.DataFrame) -> str:
    """What became of files, in a line for a terminal."""
    return ", ".join(f"{reason} {count:,}" for reason, count in outcomes(files).iter_rows())


def _assembled_metadata(artifact: Artifact) -> dict[str, Any]:
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.synthesis.report_plots import synthesis_outcomes

    files = artifact.read("files")
    figure = figure_png(synthesis_outcomes(outcomes(files), "files"))
    return {TOLD: f"files: {_told(files)}", "outcomes": image(figure)}


def _askable(recipe: Recipe, documents: Artifact, decisions: Artifact) -> pl.DataFrame:
    """The curated documents that training may see: kept, edited, and not held out."""
    curated = kept(documents, decisions)
    return curated.filter(~is_held_out(curated["id"], share=recipe.held_out, seed=recipe.seed))


def kept(documents: Artifact, decisions: Artifact) -> pl.DataFrame:
    """The curated documents, held out or not: kept, and edited."""
    decided = decisions.read("decisions")
    stay = decided.filter("keep").select("id").lazy()
    there = documents.scan("documents").join(stay, on="id", how="semi").collect().sort("id")
    return splits.curated(there, decided).select(there.columns)


def _unlearnt(recipe: Recipe, generator: str, askable: pl.DataFrame) -> pl.DataFrame:
    """Without the documents that a small generator's teachers were asked about: it has learnt what
    was answered, and what its yield is held against has to be of like documents."""
    teacher = recipe.synthesis[recipe.teachers[generator]]
    assert not isinstance(teacher, Assembly), "the recipe's problems say so before"
    before = small_generators.asked(teacher)
    there = askable if before is None else _unlearnt(recipe, before, askable)
    return there.filter(~pl.col("id").is_in(teacher.choose(there)["id"].implode()))


@contextmanager
def _folder(recipe: Recipe, build: Build, request: Request) -> Iterator[Path | None]:
    """Where a local generator's model lies: where the recipe says, or in the store."""
    if small_generator(request.generator) is not None:
        made = build["generator"].manifest.parts
        files = [part for part in made if part.table == BEGINNINGS or is_of_model(part.table)]
        with build.store.storage.local_folder(file_names(files)) as folder:
            yield folder
    else:
        yield request.generator.folder(recipe.path)


def _fed_by_others(recipe: Recipe, name: str) -> bool:
    """Whether a method's domain has documents also where none of its own is accepted."""
    view = recipe.view
    others = [domain for each, domain in view.synthetic.items() if each != name]
    return view.synthetic[name] in {*view.natural, *others}


def _most(rejects: pl.DataFrame) -> str:
    """The commonest reason."""
    reasons = rejects["reason"].value_counts().sort("count", "reason", descending=[True, False])
    return f"most often {reasons['reason'][0]}" if reasons.height else "there were none"


def _metadata(artifact: Artifact, method: Method) -> dict[str, Any]:
    """What became of the prompts: in lines, and as a plot."""
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.synthesis import report_judge, report_section
    from midtrain_dagster.synthesis.report_plots import synthesis_outcomes

    found, asked = report_section.outcomes(artifact), artifact.manifest.figures.get("asked")
    said: dict[str, Any] = {
        TOLD: report_section.told(found),
        "outcomes": image(figure_png(synthesis_outcomes(found))),
    }
    if method.judged and asked:
        said["judge"] = dg.MetadataValue.md(" ".join(report_judge.lines(artifact, method.judged)))
    if asked and not artifact.rows("documents"):
        said[LOST] = f"no document was accepted ({_most(artifact.read('rejects'))})"
    elif method.domains and isinstance(asked, int) and asked < method.documents:
        said[LOST] = (
            f"{asked:,} of {method.documents:,} wanted documents were asked about: "
            f"{', '.join(method.domains)} has no more that are kept, long enough and not held out"
        )
    return said
