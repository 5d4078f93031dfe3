"""``midtrain run``: make everything that a recipe describes."""

import argparse
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from midtrain.exit_codes import FAILED, UNUSABLE
from midtrain_dagster.forecast.inputs import required_inputs, told
from midtrain_dagster.recipe_file import load_recipe

if TYPE_CHECKING:
    import dagster as dg

INSTANCE = """\
# The Dagster instance of this store; Dagster's documentation says what else may stand here.
telemetry: {enabled: false}
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    run_ = commands.add_parser("run", help="make everything that a recipe describes")
    run_.add_argument("recipe", type=Path)
    run_.add_argument("--until", metavar="ASSET", help="make this asset and what it needs, no more")
    run_.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run; the exit code."""
    import dagster as dg

    from resources.artifacts import ArtifactStoreResource, remember_digests
    from resources.ray import RayCluster

    if not _settle(console):
        return UNUSABLE
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    recipe = load_recipe(options.recipe)
    remember_digests(ArtifactStoreResource().storage())
    RayCluster().require(ArtifactStoreResource().storage())
    for doubtful in told(recipe, required_inputs(recipe), stops=False):
        console.print(doubtful, style="yellow", markup=False)

    from assets.plan import Planner
    from assets.plan_lines import summary
    from definitions import build_definitions, recipe_assets
    from jobs.invocation import invocation
    from jobs.news import News
    from jobs.run import run_recipe
    from jobs.sequence import UnknownAssetError, ancestry, phases
    from midtrain.conclusion import conclude
    from midtrain_dagster.core import progress
    from resources.terminal import Terminal

    assets = recipe_assets(recipe)
    try:
        wanted = ancestry(assets, options.until) if options.until else None
    except UnknownAssetError as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    started = time.monotonic()
    console.print(f"[bold]{recipe.name}[/bold]  {recipe.description}")
    with Terminal(console, assets) as terminal, _instance() as instance:
        progress.listen(terminal.advance)
        definitions = build_definitions([recipe], {"terminal": terminal.logger()})
        sequence = phases(recipe, assets)
        store = ArtifactStoreResource().store()
        news = News(Planner(store, assets), instance, wanted)
        console.print(summary(news.plan()), markup=False)
        try:
            with invocation(recipe, store.storage, news, options.until) as invoked:
                run_recipe(
                    recipe,
                    definitions.resolve_job_def,
                    sequence,
                    instance,
                    news,
                    loggers={"terminal": {}},
                    tags=invoked.tags,
                )
        except Exception as error:  # the boundary of the command: told in full, exit code set
            _tell(error, console)
            return FAILED
    if terminal.reused:
        console.print(f"  {len(terminal.reused)} more were found as they are", style="dim")
    seconds = time.monotonic() - started
    if wanted is None:
        conclude(recipe, console, seconds)
    else:
        console.print(f"\n{seconds:.0f} s; {options.until} is made")
    return 0


def _instance() -> "dg.DagsterInstance":
    """The instance of ``DAGSTER_HOME``; only that what is printed while an asset is made stays in
    this terminal. Dagster would catch it with two processes a stream, and at Ctrl-C each of them
    dies in its own words."""
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef
    from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

    none = {"module": NoOpComputeLogManager.__module__, "class": NoOpComputeLogManager.__name__}
    found = InstanceRef.from_dir(os.environ["DAGSTER_HOME"], overrides={"compute_logs": none})
    return dg.DagsterInstance.from_ref(found)


def _settle(console: Console) -> bool:
    """Say in the environment where store and instance are, and make the instance's folder; False
    if somebody has to say where that is."""
    root = os.environ.get("MIDTRAIN_ROOT", "store")
    if "://" in root and "DAGSTER_HOME" not in os.environ:
        console.print(f"with the store at {root}, DAGSTER_HOME must name a folder", style="red")
        return False
    os.environ["MIDTRAIN_ROOT"] = root = root if "://" in root else str(Path(root).resolve())
    home = Path(os.environ.get("DAGSTER_HOME", f"{root}/.dagster")).resolve()
    os.environ["DAGSTER_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    # torch makes this folder when it is imported; it would stay in a temporary one.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(home / "torchinductor"))
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE)
    return True


def _tell(error: Exception, console: Console) -> None:
    """The cause that a person can act on, without Dagster's layers around it."""
    cause: BaseException = error
    while cause.__cause__ is not None and type(cause).__module__.startswith("dagster"):
        cause = cause.__cause__
    console.print(f"{type(cause).__name__}: {cause}", style="red", markup=False)
    console.print("the whole traceback is with the run in the UI (`make ui`)", style="dim")
