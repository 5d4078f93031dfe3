"""What is wrong with a recipe's curation: names of sources, domains and raters that nothing has."""

from collections.abc import Iterator, Mapping, Sequence

from midtrain_dagster.core.problems import Location, Problem, View, undeclared, unfed
from midtrain_dagster.curation.bands import Bands
from midtrain_dagster.curation.duplicates.method import Method as DuplicatesMethod
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.raters.method import Method as RaterMethod
from midtrain_dagster.curation.sampling import Sampling


def problems(
    policy: CurationPolicy,
    raters: Mapping[str, RaterMethod],
    duplicates: Sequence[DuplicatesMethod],
    sampling: Sampling | None,
    view: View,
    bands: Mapping[str, Bands] | None = None,
) -> Iterator[Problem]:
    """Each name in the sections ``curation``, ``raters``, ``duplicates``, ``sampling`` and
    ``bands`` that nothing has: sources and domains are those of the view, raters those given."""
    known = {**view.sources, **view.written}
    for field in ("removal_ceilings", "sources"):
        for source in getattr(policy, field):
            if source not in known:
                yield ("curation", field, source), undeclared("source", source, known)
    for place, section, made in policy.sections:
        for below, reason in section.problems(made):
            yield ("curation", *place, *below), reason
    if "unwanted_word_ratio" in policy.signals and not policy.word_lists.unwanted:
        reason = "the rule `unwanted` is asked, and it has no list of its own: name one by language"
        yield ("curation", "word_lists", "unwanted"), reason
    yield from _of_raters(raters, view)
    for place, rater in _asked(policy, duplicates, sampling):
        if rater not in raters:
            yield place, undeclared("rater", rater, raters)
    for domain in sampling.domains if sampling else ():
        if domain not in view.domains:
            yield ("sampling", "domains", domain), unfed(domain, view.domains)
    yield from _of_bands(bands or {}, raters, view)


def _of_bands(
    bands: Mapping[str, Bands], raters: Mapping[str, RaterMethod], view: View
) -> Iterator[Problem]:
    """Bands are of domains that sources alone feed, by a rater that there is."""
    for domain, each in bands.items():
        if domain not in view.natural:
            yield ("bands", domain), unfed(domain, view.natural)
        elif domain in view.synthetic.values():
            reason = "synthesis feeds it too, and bands are of collected documents"
            yield ("bands", domain), reason
        if each.by not in raters:
            yield ("bands", domain, "by"), undeclared("rater", each.by, raters)


def _of_raters(raters: Mapping[str, RaterMethod], view: View) -> Iterator[Problem]:
    """A rater may learn from declared sources, and combine raters that combine none themselves."""
    for name, rater in raters.items():
        for field, sources in rater.sources.items():
            for number, source in enumerate(sources):
                if source not in view.sources:
                    reason = undeclared("source", source, view.sources)
                    yield ("raters", name, *field, number), reason
        for number, other in enumerate(rater.combines):
            if other not in raters:
                yield ("raters", name, "of", number), undeclared("rater", other, raters)
            elif raters[other].combines:
                yield ("raters", name, "of", number), f"{other!r} is a combination itself"


def _asked(
    policy: CurationPolicy, duplicates: Sequence[DuplicatesMethod], sampling: Sampling | None
) -> Iterator[tuple[Location, str]]:
    """Where a rating is asked for, and of which rater."""
    for place, section, _ in policy.sections:
        for rater in section.minimum_ratings or ():
            yield ("curation", *place, "minimum_ratings", rater), rater
    if duplicates[0].keep == "best_rated":
        yield ("duplicates", "rated_by"), duplicates[0].rated_by
    for domain, wanted in sampling.domains.items() if sampling else ():
        if wanted.by is not None:
            yield ("sampling", "domains", domain, "by"), wanted.by
