"""Problems from the templates of reasoning-gym (arXiv 2505.24760), and what verifies an answer.

A template draws a problem by a seed, computes its answer, and scores any other answer. Its answers
are right by construction. All templates of the pinned package were tried (six problems each, under
two seeds of Python's hashes, then levels 0, 2 and 9): what was found is written down here by name.

Some templates score an answer by ``eval`` or sympy's parser, which run what stands in it. What a
model wrote is never given to those: it is held against the template's own answer instead.

Levels are those of reasoning-gym's curricula, from 0: a level sets every bound of a template at
once. Without a level a template has the difficulty that its authors gave it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import localcontext
from functools import cache
from typing import Any, NamedTuple

from midtrain_dagster.core import draws
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.mathematics import equality
from midtrain_dagster.mathematics.equality import equal
from midtrain_dagster.mathematics.final_answer import normal_form

VERSION = 1
USES = (draws, equality)

_HASHES = "its problems change with Python's hash seed, from one run to the next"

REFUSED = {
    "composite": "it mixes other templates; name those",
    "codeio": "it runs programs that a model wrote, and does so outside the sandbox",
    "isomorphic_strings": _HASHES,
    "knight_swap": _HASHES,
    "polynomial_multiplication": _HASHES,
    "ransom_note": _HASHES,
    "sokoban": "a problem may take it minutes",
    "word_ladder": _HASHES,
}
"""Templates that are not used, and why."""

HIGHEST = {"jugs": 2, "n_queens": 2, "zebra_puzzles": 2}
"""Levels above which a problem may take more than 2 seconds of CPU time; at 9 each of them did."""

WITHOUT_ANSWER = frozenset(
    ("boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour")
)
"""Templates that score answers and give none: without a generator there is nothing to write."""

BY_TEXT = frozenset(("binary_matrix", "n_queens", "puzzle24", "spiral_matrix", "string_insertion"))
"""Templates that ``eval`` or parse what they score, or (puzzle24) take what is wrong for right: a
model's answer has to be the template's own."""
BY_FORMULA = frozenset(("intermediate_integration", "simple_integration"))
"""Templates that parse a formula as Python: a model's answer has to equal the template's own."""
ARITHMETIC = frozenset(("countdown",))
"""Templates that parse an expression of numbers: nothing else is given to them."""

LONGEST_ANSWER = 4_000  # characters that are scored

_EXPRESSION = re.compile(r"(?!.*\*\*)[-+*/() 0-9]{1,200}")


class TemplateError(ValueError):
    """A template that cannot be used as it is asked for; the message says why and what to do."""


class Problem(NamedTuple):
    """A problem that a template drew."""

    template: str
    category: str
    level: int | None
    number: int
    """Its number among those of the template and level."""
    question: str
    answer: str | None
    entry: Mapping[str, Any]
    """What the template wants back to score an answer."""

    @property
    def id(self) -> str:
        """Unique among the problems of a seed."""
        level = "" if self.level is None else f"@{self.level}"
        return f"{self.template}{level}:{self.number}"


@cache
def catalogue() -> Mapping[str, str]:
    """The templates that can be used, and the category of each, in alphabetical order."""
    from reasoning_gym.factory import DATASETS

    return {
        name: cls.__module__.split(".")[1]
        for name, (cls, _) in sorted(DATASETS.items())
        if name not in REFUSED
    }


def templates(names: Sequence[str], *, answered: bool) -> list[str]:
    """The templates that are named, or whose category is, each once; all of them for no names.

    ``answered``: only those that give an answer. Raises :class:`TemplateError`.
    """
    known = catalogue()
    chosen = dict.fromkeys(known) if not names else dict[str, None]()
    for name in names:
        if name in REFUSED:
            raise TemplateError(f"the template {name!r} cannot be used: {REFUSED[name]}")
        if answered and name in WITHOUT_ANSWER:
            raise TemplateError(
                f"the template {name!r} scores answers and gives none: name a generator, whose "
                "answers it can score, or leave it out"
            )
        if name in known:
            chosen[name] = None
            continue
        below = [template for template, category in known.items() if category == name]
        if not below:
            near = did_you_mean(name, {*known, *known.values()})
            raise TemplateError(
                f"reasoning-gym has no template or category {name!r}{near}; categories are "
                f"{', '.join(sorted({*known.values()}))}"
            )
        chosen.update(dict.fromkeys(below))
    return [name for name in chosen if not (answered and name in WITHOUT_ANSWER)]


class Template:
    """A template with its settings, at a level of its curriculum."""

    def __init__(
        self, name: str, *, level: int | None, settings: Mapping[str, Any], seed: int, size: int
    ) -> None:
        """``size`` problems are drawn by the seed. Raises :class:`TemplateError` for settings that
        the template does not have, or refuses."""
        from reasoning_gym.factory import CURRICULA, DATASETS

        self.name, self.level = name, None
        dataset, config = DATASETS[name]
        drawn = draws.folded(draws.key(seed, name, -1 if level is None else level), 32)
        fixed = {**settings, "seed": drawn, "size": size}
        try:
            if level is None or name not in CURRICULA:
                made = config(**fixed)
            else:
                self.level, made = _at_level(name, level)
                made = replace(made, **fixed)
            self._dataset = dataset(made)
        except Exception as error:
            raise TemplateError(f"the template {name!r} cannot be set so: {error}") from error

    def problems(self) -> Iterator[Problem]:
        """Its problems, in their order."""
        for number in range(len(self._dataset)):
            with localcontext():  # decimal_arithmetic sets the thread's precision for good
                entry = self._dataset[number]
            answer = entry["answer"]
            yield Problem(
                self.name,
                catalogue()[self.name],
                self.level,
                number,
                str(entry["question"]).strip(),
                None if answer is None else str(answer).strip(),
                entry,
            )

    def passes(self, problem: Problem) -> bool:
        """Whether the template scores its own answer as right."""
        return self._scores(problem.entry["answer"], problem)

    def holds(self, problem: Problem, answer: str) -> bool:
        """Whether an answer that a model wrote is right."""
        own = problem.answer or ""
        if not answer or len(answer) > LONGEST_ANSWER:
            return False
        if self.name in BY_TEXT:
            return normal_form(answer) == normal_form(own)
        if self.name in BY_FORMULA:
            return equal(answer, own)
        if self.name in ARITHMETIC and not _EXPRESSION.fullmatch(answer):
            return False
        return self._scores(answer, problem)

    def _scores(self, answer: Any, problem: Problem) -> bool:
        try:
            with localcontext():
                return float(self._dataset.score_answer(answer, dict(problem.entry))) >= 1.0
        except Exception:  # scorers raise anything on what is no answer: it is a wrong one
            return False


def _at_level(name: str, level: int) -> tuple[int, Any]:
    """The highest level up to the one asked for that a template can be set to, and its
    configuration: some curricula go beyond what their template takes."""
    from reasoning_gym.factory import CURRICULA

    for lower in range(min(level, HIGHEST.get(name, level)), -1, -1):
        curriculum = CURRICULA[name]()
        curriculum.set_global_level(lower)
        made = curriculum.generate_configuration()
        try:
            made.validate()
        except AssertionError:
            continue
        return lower, made
    raise TemplateError("its curriculum has no level that it takes")
