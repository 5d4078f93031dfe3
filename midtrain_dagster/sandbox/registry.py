"""The languages that programs may be written in: one line a language."""

from collections.abc import Mapping

from midtrain_dagster.sandbox.language import Language
from midtrain_dagster.sandbox.languages.cpp import CPP
from midtrain_dagster.sandbox.languages.go import GO
from midtrain_dagster.sandbox.languages.java import JAVA
from midtrain_dagster.sandbox.languages.javascript import JAVASCRIPT
from midtrain_dagster.sandbox.languages.python import PYTHON
from midtrain_dagster.sandbox.languages.rust import RUST
from midtrain_dagster.sandbox.languages.shell import SHELL

LANGUAGES: Mapping[str, Language] = {
    "python": PYTHON,
    "cpp": CPP,
    "go": GO,
    "java": JAVA,
    "javascript": JAVASCRIPT,
    "rust": RUST,
    "shell": SHELL,
}

_NAMES = {other: name for name, each in LANGUAGES.items() for other in (name, *each.also)}


def language_name(said: str) -> str:
    """The name of a language by what a recipe or a data set calls it.

    Raises ValueError for one in which no program can be run, which lists those in which it can.
    """
    name = _NAMES.get(said.strip().lower())
    if name is None:
        raise ValueError(f"no program in {said!r} can be run; there is {', '.join(LANGUAGES)}")
    return name
