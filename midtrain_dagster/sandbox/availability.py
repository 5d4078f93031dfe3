"""Whether programs can be run here at all: asked before cost, and answered by running one."""

from functools import cache

from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.registry import LANGUAGES
from midtrain_dagster.sandbox.run import SandboxError, run

REQUIRED = Limits(seconds=60)
"""A machine under load may take long to start an interpreter."""


@cache
def unavailable(language: str = "python") -> str | None:
    """Why no program of a language can be run here, in one line; none: it can.

    Its compiler may be missing: the line names the packages that have it. Bubblewrap may be missing
    too, or forbidden to make namespaces: by the kernel's settings, by a container. Which it is only
    shows when it is tried.
    """
    kind = LANGUAGES[language]
    if lacking := kind.lacks():
        return f"{language}: {lacking}"
    try:
        outcome = run(kind.example, language=language, limits=REQUIRED)
    except SandboxError as error:
        return " ".join(str(error).split())
    if outcome.succeeded and outcome.stdout == "42\n":
        return None
    said = " ".join(outcome.stderr.split()) or outcome.ended
    kind_of = "" if language == "python" else f" of {language}"
    return f"a program{kind_of} in the sandbox does not do as it should: {said}"
