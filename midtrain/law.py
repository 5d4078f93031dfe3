"""``midtrain law``: what a decay will be worth, asked of a law that was fitted to runs' logs; and
what another ratio of a domain will be, asked of a law that is fitted to a search's proxies."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.core.token_count import parse_tokens
from midtrain_dagster.recipe_file import load_recipe

if TYPE_CHECKING:
    from midtrain_dagster.laws.decay.curve import Curve
    from midtrain_dagster.laws.decay.study import Study


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    law = commands.add_parser(
        "law", help="ask a law of the recipe what a decay is worth, before it is trained"
    )
    law.add_argument("recipe", type=Path, nargs="?", help="needed without --logs")
    law.add_argument(
        "name", nargs="?", help="which of the recipe's laws (with --ratio: of its mixture_search); "
        "by default its only one"
    )  # fmt: skip
    own = law.add_argument_group("logs of runs from elsewhere, in place of a recipe's law")
    own.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="CSV files with step,lr,loss; in folders "
        "inside that are called after a size (25M), those of models of so many parameters"
    )  # fmt: skip
    own.add_argument("--law", default="multi_power", help="annealing, multi_power, ...")
    own.add_argument("--run", action="append", default=[], metavar="NAME", help="by default all")
    own.add_argument("--warmup", type=int, metavar="STEPS", help="by default until the first row")
    own.add_argument("--tokens-a-step", type=_tokens, metavar="N", help="else N are steps")
    asked = law.add_argument_group("questions; without any, what the law is fitted to is shown")
    asked.add_argument(
        "--from", dest="start", metavar="RUN", help="start at the end of this; default: the last"
    )
    asked.add_argument(
        "--step", type=int, help="start at this step of it (from its first ancestor)"
    )
    asked.add_argument(
        "--decay", type=_tokens, metavar="N", help="the loss after N tokens more of decay"
    )
    asked.add_argument("--shape", default="linear", help="of the decay: linear, cosine, ...")
    asked.add_argument("--to", type=float, metavar="RATE", help="where it ends; default: a tenth")
    asked.add_argument("--reach", type=float, metavar="LOSS", help="the tokens to come down to it")
    asked.add_argument("--best", type=_tokens, metavar="N", help="the best schedule of N tokens")
    asked.add_argument(
        "--parameters", type=_tokens, metavar="N", help="of a model of another size, with --decay "
        "or --ratio"
    )  # fmt: skip
    ratio = law.add_argument_group("another ratio, by D-CPT and CMR fitted to a search's proxies")
    ratio.add_argument(
        "--ratio", type=_ratio, metavar="DOMAIN[=SHARE]", help="its loss and the general one at "
        "this share; without one at several, of those that proxies had"
    )  # fmt: skip
    ratio.add_argument("--tokens", type=_tokens, metavar="N", help="default: as the proxies")
    ratio.add_argument(
        "--within", type=float, metavar="LOSS", default=0.02, help="by how much general loss may "
        "rise over that with least of the domain, in nats a token: up to which share (0.02)"
    )  # fmt: skip
    law.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Answer; the exit code."""
    if options.ratio is not None:
        return _of_ratio(options, console)
    from midtrain.law_answers import answers, summary
    from midtrain_dagster.laws.decay.answers import QuestionError
    from midtrain_dagster.laws.decay.curve import LogError
    from midtrain_dagster.laws.decay.identifiability import NotIdentifiedError

    from midtrain.made import NotMadeError  # isort: skip

    try:
        asked = _of_logs(options) if options.logs else _of_recipe(options)
        for line in summary(asked.study):
            console.print(line, markup=False)
        for line in answers(asked.study, asked.curves, options):
            console.print(line, markup=False)
    except (NotMadeError, LogError, QuestionError, NotIdentifiedError) as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    return 0


def _of_ratio(options: argparse.Namespace, console: Console) -> int:
    from midtrain.law_ratio import RatioQuestionError, lines
    from midtrain.made import NotMadeError
    from midtrain_dagster.laws.mixing.measurements import UnmeasuredError
    from midtrain_dagster.laws.mixing.method import TooFewProxiesError
    from midtrain_dagster.laws.mixing.ratio import UnidentifiedError
    from midtrain_dagster.laws.mixing.ratio_points import UnknownDomainError

    untold = (UnidentifiedError, TooFewProxiesError, UnmeasuredError, UnknownDomainError)
    try:
        for line in lines(options):
            console.print(line, markup=False)
    except (NotMadeError, RatioQuestionError, *untold) as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    return 0


@dataclass(frozen=True)
class Asked:
    """A law, and the curves that questions start from, as they are."""

    study: "Study"
    curves: "Sequence[Curve]"


def _of_recipe(options: argparse.Namespace) -> Asked:
    from assets.laws import curves_of
    from midtrain.made import Made, NotMadeError
    from midtrain_dagster.laws.decay.tables import TABLES, study_of

    if options.recipe is None:
        raise NotMadeError("name a recipe, or a folder of logs: --logs FOLDER")
    recipe = load_recipe(options.recipe)
    known = list(recipe.laws)
    name = options.name or (known[0] if len(known) == 1 else None)
    if name not in recipe.laws:
        listed = ", ".join(known) or "it has none: add a section laws"
        raise NotMadeError(f"name one of the recipe's laws ({listed})")
    made = Made(recipe)
    artifact = made.one(f"law/{name}")
    checkpoints = {each: made.checkpoint(each) for each in recipe.behind_law(name)}
    curves = curves_of(recipe, recipe.laws[name], checkpoints)
    tables = {table: artifact.read(table) for table in TABLES}
    return Asked(study_of(recipe.laws[name].law, curves, tables), curves)


def _of_logs(options: argparse.Namespace) -> Asked:
    from pydantic import TypeAdapter, ValidationError

    from midtrain_dagster.laws.decay.config import NAMES, Law
    from midtrain_dagster.laws.decay.csv_logs import read_folder
    from midtrain_dagster.laws.decay.curve import LogError
    from midtrain_dagster.laws.decay.study import study

    try:
        law = TypeAdapter(Law).validate_python(options.law)
    except ValidationError as error:
        raise LogError(f"--law {options.law}: there are {', '.join(NAMES)}") from error
    curves = read_folder(options.logs, warmup=options.warmup, tokens_a_step=options.tokens_a_step)
    known = [curve.name for curve in curves]
    for name in (*options.run, *filter(None, [options.start])):
        if name not in known:
            raise LogError(f"{options.logs} has no run {name} (there are {', '.join(known)})")
    fitted = [curve for curve in curves if not options.run or curve.name in options.run]
    return Asked(study(law, fitted), curves)


def _tokens(text: str) -> int:
    try:
        value = parse_tokens(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not isinstance(value, int) or value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count from 1 on")
    return value


def _ratio(text: str) -> tuple[str, float | None]:
    domain, equals, share = text.partition("=")
    if not equals:
        return domain, None
    try:
        value = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{share!r} is no share, such as 0.3 or 30%") from error
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{share!r} is no share from 0 to 1")
    return domain, value
