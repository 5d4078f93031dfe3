"""What is wrong between a probe, its checkpoint, and those that draw towards what it finds."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from midtrain_dagster.core.problems import Problem, View, undeclared, unfed
from midtrain_dagster.probe.settings import Probe


def problems(
    probe: Probe | None,
    drawn: Mapping[str, Sequence[str]],
    checkpoints: Collection[str],
    view: View,
    *,
    base_given: bool,
) -> Iterator[Problem]:
    """A domain that nothing feeds, a checkpoint that is none, and a circle.

    ``drawn`` are the methods of synthesis that draw towards what the probe finds, each with its
    domains. Token shards hold what every method writes, so whatever is trained here comes after
    all of them, and cannot choose what they are made of.
    """
    for name, domains in drawn.items():
        place = ("synthesis", name, "draw")
        if probe is None:
            yield place, "there is no probe to draw towards: say probe: {domains: [..]}"
        elif not domains:
            yield place, "its seeds are no documents, so no topic has more of them: leave it out"
        elif apart := sorted(set(domains) - set(probe.domains)):
            yield (
                place,
                f"the probe asks nothing about {', '.join(apart)}: name it in probe.domains, or "
                "leave it out here",
            )
    if probe is None:
        return
    for number, domain in enumerate(probe.domains):
        if domain not in view.natural:
            yield ("probe", "domains", number), unfed(domain, view.natural)
    if probe.topics != "domains" and probe.topics < 2:
        yield ("probe", "topics"), f"{probe.topics} topic is none: two at least, or 'domains'"
    if probe.checkpoint not in checkpoints:
        yield ("probe", "checkpoint"), undeclared("checkpoint", probe.checkpoint, checkpoints)
    elif drawn and not (base_given and probe.checkpoint == "base"):
        yield (
            ("probe", "checkpoint"),
            f"a circle: {probe.checkpoint!r} is trained on what {', '.join(drawn)} "
            f"{'writes' if len(drawn) == 1 else 'write'}, and would have to be there before: ask a "
            "base that is given (base: {checkpoint: FOLDER}), or draw evenly",
        )
