"""``midtrain law --ratio``: the loss at another share of a domain, from a search's proxies."""

import re

import pytest

from midtrain import law, law_ratio
from midtrain.command import _parser
from midtrain.law_ratio import RatioQuestionError, answers
from midtrain_dagster.laws.mixing.ratio import UnidentifiedError
from tests.synthetic_swarm import SIZES, swarm


def asked(*arguments: str, general=("web",), sizes=SIZES, failed=()) -> str:
    options = _parser().parse_args(["law", "mine.yaml", *arguments])
    tables = swarm(sizes, failed=failed)
    return "\n".join(answers(tables, options, general=general, search="small", resamples=4))


def test_a_share_is_answered_with_intervals_errors_and_the_critical_share() -> None:
    text = asked("--ratio", "code=20%", "--tokens", "16M", "--within", "0.05", failed=[3])
    assert "a loss after 16M tokens, of 1M parameters" in text
    assert "left out: proxy 3: failed: burst" in text
    assert "tokens of the proxies: 2M to 8M; the law is asked beyond what it saw" in text
    assert re.search(r"loss of code, by d_cpt fitted to 49 proxies", text)
    # By the law that made them: 1.6 + 0.5 * 0.2^0.4 * 16^-0.4 + 0.3 * 0.4^-0.5, and
    # 2 + 0.3 * 0.2^1.5 + 0.4 * 16^-0.5.
    found = [
        float(each) for each in re.findall(r"at 20.0%: (\d\.\d+) nats a token \[\d\.\d+, ", text)
    ]
    assert found == pytest.approx([2.161, 2.127], abs=0.02)
    assert (
        len(re.findall(r"error on proxies left out: mean 0\.\d+, \d+% of their spread", text)) == 3
    )
    share = re.search(r"stays within 0.05 above that at \S+ up to ([\d.]+)% \[.*\] of code", text)
    assert share is not None
    assert float(share[1]) == pytest.approx(100 * (0.05 / 0.3) ** (1 / 1.5), abs=3)


def test_without_a_share_several_are_told_of_those_that_proxies_had() -> None:
    text = asked("--ratio", "code", "--within", "3")
    assert len(re.findall(r"  at [\d.]+%: ", text)) == 2 * law_ratio.SHARES
    assert "asked beyond" not in text
    assert re.search(r"at every share of code that proxies had, up to \d\d\.\d%", text)


@pytest.mark.parametrize(
    ("arguments", "kwargs", "error", "reason"),
    [
        (["--tokens", "16M"], {"sizes": SIZES[:1]}, UnidentifiedError, "16,000,000 tokens do"),
        ([], {"general": ("code",)}, RatioQuestionError, "none beside code is among its `targets"),
        ([], {"failed": range(30)}, RatioQuestionError, "all proxies of the usual size failed"),
    ],
)
def test_what_cannot_be_answered_is_told(arguments, kwargs, error, reason) -> None:
    with pytest.raises(error, match=reason):
        asked("--ratio", "code=0.2", *arguments, **kwargs)


@pytest.mark.parametrize(
    ("written", "read"),
    [("code", ("code", None)), ("code=0.3", ("code", 0.3)), ("code=30%", ("code", 0.3))],
)
def test_a_share_is_a_part_or_a_percentage(written, read) -> None:
    assert law._ratio(written) == read


@pytest.mark.parametrize("written", ["code=much", "code=1.2", "code=-5%"])
def test_what_is_no_share_is_told(written, capsys) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["law", "mine.yaml", "--ratio", written])
    assert "is no share" in capsys.readouterr().err
