"""``midtrain law`` on logs from elsewhere."""

import re

import numpy as np
import pytest
from rich.console import Console

from midtrain import law
from midtrain.command import _parser
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from tests.midtrain_dagster.laws.decay.synthetic import WARMUP, constant, cosine, decayed, made
from tests.midtrain_dagster.laws.decay.test_fit import ANNEALING


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    runs = {"constant": constant(), "cosine": cosine(), "decayed": decayed()}
    for curve in made(Annealing(0.999), ANNEALING, runs, noise=5e-4):
        rates = np.append(curve.rates.each, curve.rates.last)
        rows = [
            f"{point},{rates[point]},{loss}"
            for point, loss in zip(curve.points.astype(int), curve.losses, strict=True)
        ]
        (folder / f"{curve.name}.csv").write_text("step,lr,loss\n" + "\n".join(rows))
    return folder


def asked(logs, *arguments: str) -> tuple[int, str]:
    console = Console(record=True, width=250)
    options = _parser().parse_args(
        ["law", "--logs", str(logs), "--law", "annealing", "--warmup", str(WARMUP), *arguments]
    )
    return law.run(options, console), console.export_text()


def test_every_question_is_answered_with_its_interval_and_the_error(logs) -> None:
    code, text = asked(
        logs,
        *("--from", "constant", "--step", "2500", "--tokens-a-step", "1k"),
        *("--decay", "500k", "--reach", "3.1", "--best", "600k"),
    )
    assert code == 0
    assert "error on runs left out: mean 0." in text
    assert re.search(r"500K tokens of decay \(linear, to \S+\): \d\.\d+ nats a token \[\d", text)
    assert "to a loss of 3.1" in text
    assert re.search(r"best of \S+ tokens: .*\(\S+, \d+ tokens\)", text)
    assert "best of any that falls" in text
    assert "an interval holds 90% of refits" in text


def test_one_schedule_is_refused_with_the_run_that_would_tell(logs) -> None:
    code, text = asked(logs, "--run", "constant", "--decay", "100")
    assert code == 2
    assert (
        "C, which says what a decay is worth, is not told by the one schedule of constant" in text
    )
    assert "-> Decay(3e-05)" in text
    assert text.count("is not told by the one schedule") == 1
    code, text = asked(logs, "--run", "constant")
    assert code == 0 and "it says nothing of other schedules: C, which" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--run", "constnat"], "has no run constnat (there are constant, cosine, decayed)"),
        (["--decay", "100", "--from", "constnat"], "has no run constnat (there are constant"),
        (["--law", "cubic"], "there are annealing, multi_power, forward_momentum"),
        (["--decay", "100", "--shape", "bent"], "--shape bent: there are linear"),
        (["--decay", "100", "--from", "constant", "--to", "1"], "does not fall"),
        (["--decay", "100", "--from", "constant", "--step", "9999"], "has steps from 201"),
        (
            ["--decay", "100", "--from", "constant", "--parameters", "1B"],
            "another size of model is not answered",
        ),
        (["--parameters", "1B"], "asked together with --decay"),
    ],
)
def test_question_that_has_no_answer_is_told(logs, arguments, told) -> None:
    code, text = asked(logs, *arguments)
    assert code == 2
    assert told in text


def test_losses_that_no_decay_reaches_and_that_are_there_already_are_told(logs) -> None:
    start = ("--from", "constant", "--step", "2500")
    assert ": more than 10 times what was trained [" in asked(logs, *start, "--reach", "0.1")[1]
    assert (
        ": a step at most [a step at most, a step at most]"
        in asked(logs, *start, "--reach", "90")[1]
    )
