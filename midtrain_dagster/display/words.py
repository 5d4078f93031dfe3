"""How names and texts are written for people, the same in the report, the UI and the terminal.

A checkpoint's name says what it is: ``annealed`` is a stage (or a soup), ``annealed/control`` its
control, ``annealed/seed_666`` the stage with another seed, ``annealed/fine_tuned`` the stage after
the small fine-tuning; ``annealed@120`` is what the stage leaves after so many updates.
Names are made by ``training.runs``; here they are only read, by plots whose tables hold nothing
else of a run.
"""

from midtrain_dagster.display.numbers import MISSING


def stage_of(checkpoint: str) -> str:
    """The stage that a checkpoint is a run of; its own name for a stage or a soup."""
    return checkpoint.partition("/")[0]


def is_control(checkpoint: str) -> bool:
    """Whether a checkpoint is the control of a stage."""
    return checkpoint.endswith("/control")


def is_seed(checkpoint: str) -> bool:
    """Whether a checkpoint is that of a stage with another seed."""
    run = checkpoint.partition("/")[2]
    return run.startswith("seed_") and "/" not in run


def is_fine_tuned(checkpoint: str) -> bool:
    """Whether a checkpoint is what the small fine-tuning made of another."""
    return checkpoint.endswith("/fine_tuned")


def before_tuning(checkpoint: str) -> str:
    """The checkpoint that was fine-tuned; its own name for any other."""
    return checkpoint.removesuffix("/fine_tuned")


def is_main(checkpoint: str) -> bool:
    """Whether a checkpoint is that of a stage or a soup: no control, and no further seed."""
    return "/" not in checkpoint


def spoken(name: str) -> str:
    """A name as words."""
    name, at, step = name.partition("@")
    words = name.replace("/", " ").replace("_", " ")
    return f"{words}, after {int(step):,} steps" if at else words


def excerpt(text: str | None, characters: int = 420) -> str:
    """The beginning of a text on one line, cut at a word; a dash where there is none."""
    if not text:
        return MISSING
    # A document may have a hundred megabytes; what is read of it is bounded.
    line = " ".join(text[: 8 * characters].split())
    if len(line) <= characters:
        return line
    return line[:characters].rsplit(" ", 1)[0] + " …"
