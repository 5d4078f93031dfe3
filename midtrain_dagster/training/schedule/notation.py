"""The survey's notation: ``Warmup(3e-4, 2k steps) -> Constant(3e-4, 10T) -> Decay(3e-5, 1T)``.

Source of the notation: *A Survey on LLM Mid-Training* (arXiv 2510.23081), Table 3. A phase names
the rate that it ends with and how long it is, and begins where the one before it ended. Beyond the
table, which leaves out what a program has to know:

- **Rates** are numbers, or a share of the highest rate before: ``eta_max/10``, ``0.5 eta_max``,
  ``½ηmax``. ``1e-5..1e-4`` says where the phase begins, too.
- **Lengths** are tokens (``10T``, ``400 tokens``), steps (``2000 steps``) or a share of the stage
  (``5%``); only the last phase may leave its own out, and takes the rest. Steps and shares become
  tokens at once, a share the whole step nearest to it.
- **Restarts**: behind ``;`` a warm-up begins at 0, and any other phase says where.
- **Names** are ``Warmup``, ``Constant``, ``Decay`` (or ``Linear``) and the other shapes of a decay:
  ``Cosine``, ``Exponential``, ``OneMinusSqrt``, ... Settings of a shape stand in square brackets:
  ``Power[exponent=0.6](3e-5, 1T)``.

What is read is the list form of a schedule, and nothing else; :func:`printed` writes that back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from midtrain_dagster.core.token_count import parse_tokens
from midtrain_dagster.training.batch.ramp import Ramp, levels_of
from midtrain_dagster.training.batch.steps import Steps, steps_of
from midtrain_dagster.training.schedule.schedule import Constant, Decay, Schedule, Warmup
from midtrain_dagster.training.schedule.shape import NAMES as SHAPES

NAMES = {
    "warmup": "Warmup",
    "constant": "Constant",
    "decay": "Decay",
    **{name: "".join(map(str.capitalize, name.split("_"))) for name in SHAPES},
}
"""What each phase and each shape of a decay is called here."""

_PHASE = re.compile(
    r"\s*(?P<name>[^\s()\[\];→>-]+)\s*(?:\[(?P<settings>[^\]]*)\]\s*)?\((?P<inside>[^()]*)\)\s*"
)
_ARROW = re.compile(r"->|→|;|$")
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?"
_PLAIN = re.compile(_NUMBER)
_OF_MAX = re.compile(
    rf"(?P<factor>{_NUMBER}|½|¼)?\s*\*?\s*(?:eta_max|ηmax|η_max)\s*(?:/\s*(?P<divisor>{_NUMBER}))?"
)
_LENGTH = re.compile(
    r"(?P<number>[\d_]+(?:\.\d+)?[kMBT]?)\s*(?P<unit>%|steps?|tokens?|(?<=[kMBT]))"
)
_FRACTIONS = {"½": 0.5, "¼": 0.25}


class NotationError(ValueError):
    """A schedule that cannot be read; the message has the place in its text."""


def parsed(text: str, *, tokens: int, batch_tokens: int | Ramp) -> list[dict[str, Any]]:
    """The list form of a schedule of a stage of ``tokens`` in steps of ``batch_tokens``.

    Raises :class:`NotationError`, with the character (from 1) at which it goes wrong.
    """
    steps = steps_of(levels_of(batch_tokens), tokens)
    return list(_phases(_Text(text, tokens, steps)))


def printed(schedule: Schedule) -> str:
    """The schedule in the notation, every length in tokens; ``parsed`` reads the same of it."""
    return " -> ".join(map(_printed, schedule))


@dataclass
class _Text:
    """A schedule's text, and what is known of the stage that it is of."""

    whole: str
    tokens: int
    steps: Steps
    begun: int = 0
    """Tokens of the phases until now."""
    highest: float | None = None
    """The highest rate that was said until now."""

    def refuse(self, at: int, reason: str) -> NoReturn:
        word = self.whole[at : at + 24].split("(")[0].strip() or self.whole[at : at + 8]
        raise NotationError(f"at character {at + 1}, {word!r}: {reason}")


def _phases(text: _Text) -> Iterator[dict[str, Any]]:
    at, restarts = 0, False
    while True:
        found = _PHASE.match(text.whole, at)
        if found is None:
            text.refuse(at, "a phase is written as Constant(3e-4, 10T)")
        yield _phase(text, found, restarts=restarts)
        at = found.end()
        arrow = _ARROW.match(text.whole, at)
        if arrow is None:
            text.refuse(
                at,
                "phases are joined by -> or, where a warm-up starts anew, by ; (what else a stage "
                "changes, its length say, is said in the stage's own fields)",
            )
        if not arrow[0]:
            return
        at, restarts = arrow.end(), arrow[0] == ";"


def _phase(text: _Text, found: "re.Match[str]", *, restarts: bool) -> dict[str, Any]:
    name, at = _named(text, found), found.start("name")
    rate, length = _arguments(text, found)
    start, to = rate if rate else (None, None)
    if restarts and name == "warmup" and start is None:
        start = 0.0
    begins = to if name == "constant" else start
    if restarts and begins is None:
        text.refuse(at, "behind ; it has to say where it begins, as 3e-4..3e-5")
    phase: dict[str, Any]
    if name == "constant":
        if start is not None:
            text.refuse(found.start("inside"), "a constant phase has one rate")
        phase = {"phase": name, "learning_rate": to}
    elif to is None:
        text.refuse(found.start("inside"), "the rate that it ends with is missing: give a number")
    elif name == "warmup":
        phase = {"phase": name, "start": start, "to": to}
    else:
        shape = {"method": "linear" if name == "decay" else name, **_settings(text, found)}
        phase = {"phase": "decay", "shape": shape, "start": start, "to": to}
    text.highest = max(
        (each for each in (text.highest, start, to) if each is not None), default=None
    )
    text.begun += length or 0
    return {**phase, "tokens": length}


def _named(text: _Text, found: "re.Match[str]") -> str:
    said = found["name"]
    plain = said.lower().replace("_", "").replace("-", "")
    known = {written.lower(): name for name, written in NAMES.items()}
    if plain not in known:
        near = get_close_matches(plain, known, n=1)
        meant = f"did you mean {NAMES[known[near[0]]]}? " if near else ""
        text.refuse(
            found.start("name"),
            f"no phase is called so: {meant}there are {', '.join(NAMES.values())}",
        )
    return known[plain]


def _settings(text: _Text, found: "re.Match[str]") -> dict[str, float]:
    """What stands in a shape's square brackets; whether the shape has it, is its own matter."""
    settings = {}
    for said in filter(None, map(str.strip, (found["settings"] or "").split(","))):
        key, equals, value = (part.strip() for part in said.partition("="))
        if not equals or not _PLAIN.fullmatch(value):
            text.refuse(found.start("settings"), "a setting is written as exponent=0.6")
        settings[key] = float(value)
    return settings


def _arguments(
    text: _Text, found: "re.Match[str]"
) -> tuple[tuple[float | None, float] | None, int | None]:
    """The rates and the length in a phase's brackets, in this order."""
    rate: tuple[float | None, float] | None = None
    length: int | None = None
    at = found.start("inside")
    for said in found["inside"].split(","):
        begin = at + len(said) - len(said.lstrip())
        at += len(said) + 1
        word = said.strip()
        if not word:
            continue
        is_length = _LENGTH.fullmatch(word)
        if length is not None or (rate is not None and not is_length):
            text.refuse(begin, "a rate, and then a length: 10T, 2000 steps, 5%")
        if is_length:
            length = _length(text, begin, is_length)
        else:
            first, dots, last = word.rpartition("..")
            begins = _rate(text, begin, first.strip()) if dots else None
            rate = (begins, _rate(text, begin, last.strip()))
    return rate, length


def _rate(text: _Text, at: int, word: str) -> float:
    if _PLAIN.fullmatch(word):
        return float(word)
    of_max = _OF_MAX.fullmatch(word)
    if of_max is None:
        text.refuse(at, f"{word!r} is no rate: write 3e-4, or eta_max/10")
    if text.highest is None:
        text.refuse(at, "no rate is said before, of which this would be a share: give a number")
    factor, divisor = of_max["factor"] or "1", float(of_max["divisor"] or 1)
    if divisor == 0:
        text.refuse(at, "a rate divided by 0")
    return text.highest * (_FRACTIONS.get(factor) or float(factor)) / divisor


def _length(text: _Text, at: int, found: "re.Match[str]") -> int:
    number, unit = found["number"], found["unit"]
    if unit == "%":
        share = float(number) / 100 if _PLAIN.fullmatch(number) else 0.0
        if not 0 < share <= 1:
            text.refuse(at, "a share of the stage's tokens is above 0% and at most 100%")
        return min(_nearest(text, share * text.tokens), text.tokens)
    try:
        count = int(parse_tokens(number))
    except ValueError as error:
        text.refuse(at, str(error))
    if count < 1:
        text.refuse(at, "a phase has one token at least")
    return _steps(text, count) if unit.startswith("step") else count


def _steps(text: _Text, count: int) -> int:
    """The tokens of so many steps, from where the phase begins."""
    if len(text.steps.sizes) == 1:
        return count * text.steps.sizes[0]
    step = text.steps.step_from(text.begun)
    return text.steps.tokens_before(step + count) - text.begun


def _nearest(text: _Text, tokens: float) -> int:
    """The whole steps nearest to so many tokens, one at least."""
    if len(text.steps.sizes) == 1:
        size = text.steps.sizes[0]
        return max(1, round(tokens / size)) * size
    first = text.steps.step_from(text.begun)
    last = max(first + 1, text.steps.nearest(text.begun + tokens))
    return text.steps.tokens_before(last) - text.begun


def _printed(phase: Warmup | Constant | Decay) -> str:
    rate = phase.learning_rate if isinstance(phase, Constant) else phase.to
    said = [] if rate is None else [f"{rate!r}"]
    if not isinstance(phase, Constant) and phase.start is not None:
        said = [f"{phase.start!r}..{rate!r}"]
    if phase.tokens is not None:
        said.append(_tokens(phase.tokens))
    return f"{_name(phase)}({', '.join(said)})"


def _name(phase: Warmup | Constant | Decay) -> str:
    if not isinstance(phase, Decay):
        return NAMES[phase.phase]
    fields = phase.shape.model_dump()
    name = NAMES[fields.pop("method")]
    settings = ", ".join(f"{key}={value!r}" for key, value in fields.items())
    return f"{name}[{settings}]" if settings else name


def _tokens(count: int) -> str:
    for unit, size in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if count % size == 0:
            return f"{count // size}{unit}"
    return f"{count} tokens"
