"""Programs that a model completes, run against their tests: pass@k.

A program is put together by a template (``{answer}`` is what was written, other names are keys of
the item's row: ``{prompt}{answer}\\n{test}\\ncheck({entry_point})``) and run in the sandbox, and
nowhere else: without one nothing is scored, and ``midtrain check`` says so. It passes where it ends
by itself with 0, and not before its tests: in Python, JavaScript and Shell its last line has to be
reached (``sandbox/last_line.py``), but where what stands behind the answer ends the program itself
(``unittest.main()``, ``sys.exit(..)``), of which the exit code is all that is known; Go sees to it
itself; in C++, Java and Rust nobody does. Of ``samples`` programs of an item, ``c`` of which pass,
pass@k is estimated without bias as ``1 - C(n-c, k) / C(n, k)`` (Chen et al., *Evaluating Large
Language Models Trained on Code*, arXiv 2107.03374, equation 1). Programs that were stopped at a
limit are counted apart: they failed, and it may be the limit's doing.

A list in a row stands as lines, and a name that is null as nothing; an item without anything
behind the answer that its template has there is an error, for any program would pass.

Programs are in any language of ``sandbox/registry.py``: one for all items, or what each item's row
says. A program that does not compile has failed, and is counted apart.
"""

import re
from collections.abc import Iterator, Sequence
from math import comb
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.item_row import looked_up
from midtrain_dagster.evaluation.method import (
    BITS,
    Ask,
    Document,
    ItemValues,
    Method,
    Outcome,
    Task,
    mean_of,
)
from midtrain_dagster.evaluation.methods import answer_likelihood
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits, answer_document
from midtrain_dagster.sandbox import last_line
from midtrain_dagster.sandbox import run as sandbox
from midtrain_dagster.sandbox.availability import unavailable
from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.registry import LANGUAGES, language_name

VERSION = 2
USES = (answer_likelihood, last_line, sandbox)

ANSWER = "answer"

_ENDS_ITSELF = re.compile(r"\b_?exit\b|\bquit\s*\(|\bSystemExit\b|\bunittest\.main\b")


def _template(program: str) -> str:
    """The template, if it is one and has a place for what is written."""
    names = [name for _, name, _, _ in Formatter().parse(program)]
    if ANSWER not in names:
        raise ValueError("the program has no place for what is written: {answer}")
    return program


class PassAtK(Method):
    """Programs that the model completes are run against their tests."""

    NEEDS = ()
    UNITS: ClassVar = {
        "bits_per_byte": BITS,
        "stopped": "share of programs stopped at a limit",
        "ended_early": "share of programs that ended with 0 before their tests",
        "not_compiled": "share of programs that do not compile",
    }
    HEADLINE = "pass_at_1"

    method: Literal["pass_at_k"]
    program: Annotated[str, AfterValidator(_template)]
    """The program that is run: `{answer}` is what was written, `{KEY}` what the item's row says."""
    language: Annotated[str, AfterValidator(language_name)] = "python"
    """Of the program: python, cpp, go, java, javascript, rust, shell."""
    language_key: Annotated[str | None, CAUSE_IF_SET] = None
    """Key of the row that says the language, where items have their own; what stands behind a slash
    there is passed over (`CPP/0`)."""
    languages: Annotated[tuple[str, ...], NOT_A_CAUSE] = ()
    """Those that `program` and `until` are for; items in others are an error. Empty: any."""
    samples: int = Field(default=1, gt=0, le=1000, description="programs that an item is given")
    k: tuple[int, ...] = Field(default=(1,), min_length=1, description="of pass@k, each")
    temperature: float = Field(
        default=0.0, ge=0, description="of sampling; 0: the likeliest token is taken each time"
    )
    seed: int = Field(default=0, ge=0, description="of sampling")
    until: tuple[str, ...] = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
    """Texts that end what is written."""
    until_key: Annotated[str | None, CAUSE_IF_SET] = None
    """Key of the row's own list of such texts, which end it too (MultiPL-E's `stop_tokens`)."""
    most_tokens: int = Field(default=512, gt=0, description="after which what is written is cut")
    fenced: bool = False
    """Whether of what is written only the first block between three backticks is taken."""
    limits: Limits = Limits()
    """What a program may take."""
    chat: bool = False
    """Whether the prompt is put by the model's chat template."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if max(self.k) > self.samples or min(self.k) < 1:
            raise ValueError(f"pass@k needs k from 1 to the {self.samples} samples of an item")
        if self.samples > 1 and not self.temperature:
            raise ValueError("several samples at temperature 0 are one: say a temperature")
        if 1 not in self.k:
            raise ValueError("'k' has to hold 1, which stands for the benchmark")
        return self

    def unavailable(self, documents: Sequence[Document] = ()) -> str | None:
        """Why a program cannot be run here, in a language of the documents or of all; none: each
        can."""
        names = sorted({self.language_of(each) for each in documents}) or [self.language]
        reasons = [reason for name in names if (reason := unavailable(name))]
        if not reasons:
            return None
        listed = "; ".join(dict.fromkeys(reasons))
        return f"programs that a model writes cannot be run here: {listed}"

    def document(self, item: Item) -> Document:
        """Prompt, the program's parts, and the answer where there is one."""
        names = {name for _, name, _, _ in Formatter().parse(self.program) if name}
        parts = {name: _text(item.row.get(name)) for name in names - {ANSWER}}
        if lacking := [name for name in sorted(names - {ANSWER}) if name not in item.row]:
            raise ValueError(f"the program needs the key {lacking[0]!r}")
        tests = [name for name in self._behind() if name in parts]
        if tests and not any(parts[name].strip() for name in tests):
            raise ValueError(f"there are no tests: nothing stands under {', '.join(tests)}")
        asked = answer_document(item, self.method) if item.answer else {}
        own: dict[str, Any] = {}
        if self.language_key:
            said = looked_up(item.row, self.language_key)
            if not isinstance(said, str):
                raise ValueError(f"the key {self.language_key!r} holds no name of a language")
            own["language"] = name = language_name(said.partition("/")[0])
            if self.languages and name not in self.languages:
                known = ", ".join(self.languages)
                raise ValueError(f"the program is for {known}, and the item is in {name}")
        if self.until_key:
            said = looked_up(item.row, self.until_key)
            if not isinstance(said, list) or not all(isinstance(x, str) and x for x in said):
                raise ValueError(f"the key {self.until_key!r} holds no list of texts")
            own["until"] = said
        return {"prompt": item.question, "parts": parts, **own, **asked}

    def language_of(self, document: Document) -> str:
        """The language of a document's program."""
        return str(document.get("language", self.language))

    def asks(self, document: Document) -> list[Ask]:
        """The right answer, where there is one."""
        if ANSWER not in document:
            return []
        return [Ask(document["question"], document[ANSWER])]

    def task(self, document: Document) -> Task:
        """The prompt as it stands."""
        return Task(
            document["prompt"],
            (*self.until, *document.get("until", ())),
            self.most_tokens,
            samples=self.samples,
            temperature=self.temperature,
            seed=self.seed,
            chat=self.chat,
        )

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """pass@k, the share of programs that were stopped, of those that ended early where some
        language tells, of those that did not compile where some language has a compiler, and bits
        where all have an answer."""
        programs = [
            sandbox.Program(self.written(document, one.text), self.language_of(document))
            for document, each in zip(outcome.documents, outcome.written, strict=True)
            for one in each
        ]
        tells = [
            bool(LANGUAGES[self.language_of(document)].last) and not self._ends_itself(document)
            for document, each in zip(outcome.documents, outcome.written, strict=True)
            for _ in each
        ]
        run = [
            last_line.marked(program) if told else program
            for program, told in zip(programs, tells, strict=True)
        ]
        made = outcome.once("programs", lambda: list(sandbox.run_all(run, limits=self.limits)))
        early = np.array(
            [
                told and last_line.ended_early(program, each)
                for program, told, each in zip(programs, tells, made, strict=True)
            ]
        ).reshape(-1, self.samples)
        ended = np.array([each.succeeded for each in made]).reshape(-1, self.samples)
        passed = ended & ~early
        stopped = np.array([each.ended not in ("exited", "signalled") for each in made])
        for k in self.k:
            values = [pass_at_k(self.samples, int(c), k) for c in passed.sum(axis=1)]
            yield mean_of(f"pass_at_{k}", values)
        yield mean_of("stopped", stopped.reshape(-1, self.samples).mean(axis=1))
        if any(tells):
            yield mean_of("ended_early", early.mean(axis=1))
        if any(LANGUAGES[each.language].compiler for each in programs):
            refused = np.array([not each.compiled for each in made])
            yield mean_of("not_compiled", refused.reshape(-1, self.samples).mean(axis=1))
        if all(outcome.responses):
            yield answer_bits(outcome)

    def _behind(self) -> list[str]:
        """The keys that the template names behind the answer."""
        names = [name for _, name, _, _ in Formatter().parse(self.program) if name]
        return names[names.index(ANSWER) + 1 :]

    def _ends_itself(self, document: Document) -> bool:
        """Whether what stands behind the answer ends the program before its last line."""
        whole = self.program.format(**document["parts"], answer="\0")
        return bool(_ENDS_ITSELF.search(whole.rpartition("\0")[2]))

    def written(self, document: Document, text: str) -> str:
        """The program of what was written."""
        return self.program.format(
            **document["parts"], answer=_block(text) if self.fenced else text
        )


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The share of draws of ``k`` of the samples in which one passes."""
    return 1.0 - comb(samples - passed, k) / comb(samples, k)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _block(text: str) -> str:
    """What stands in the first block between three backticks, or the text where there is none."""
    _, fence, rest = text.partition("```")
    return rest.partition("```")[0].partition("\n")[2] if fence else text
