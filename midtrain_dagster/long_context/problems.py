"""What is wrong with long contexts and the gates of stages, given the rest of a recipe."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, View, undeclared, unfed
from midtrain_dagster.long_context.settings import Gates, LongContext


def problems(
    settings: LongContext | None,
    gates: Mapping[str, Gates],
    stages: Mapping[str, tuple[str, int]],
    view: View,
) -> Iterator[Problem]:
    """Domains without text, gates on what is not asked or not at the stage's window.

    ``stages`` has of each stage its start and its window in tokens.
    """
    for number, domain in enumerate((settings.haystack if settings else None) or ()):
        if domain in view.domains - view.natural:
            reason = (
                f"{domain!r} is synthetic, and its documents quote those that are trained on: fill "
                f"contexts from {', '.join(sorted(view.natural))}"
            )
            yield ("long_context", "haystack", number), reason
        elif domain not in view.natural:
            yield ("long_context", "haystack", number), unfed(domain, view.natural)
    for name, asked in gates.items():
        start, window = stages[name]
        place = ("stages", name, "checks")
        if asked.of_start(start) is None:
            reason = (
                "it starts from random weights, so there is no loss or score to be recovered: ask "
                "for needles, or leave it out"
            )
            yield place, reason
        if asked.needles is None:
            continue
        if settings is None:
            reason = "nothing is hidden in long contexts: say which tasks in `long_context`"
            yield (*place, "needles"), reason
            continue
        for number, task in enumerate(asked.needles.tasks or ()):
            if task not in settings.tasks:
                reason = undeclared("task", task, settings.tasks)
                yield (*place, "needles", "tasks", number), reason
        if window not in settings.lengths:
            reason = (
                f"the gate of {name!r} asks for needles up to its window of {window} tokens, which "
                "is not among them: add it"
            )
            yield ("long_context", "lengths"), reason
