"""Why a document was kept or dropped, in a sentence that a person understands."""

from midtrain_dagster.curation.distribution_rows import spoken_value
from midtrain_dagster.report.explanation.document import Measured, Story, Test


def verdict(story: Story) -> str:
    """The decision on a document and its reason, as a sentence."""
    if story.decision is None:
        return "No decision yet."
    reason = str(story.decision["reason"])
    name, _, detail = reason.partition(":")
    if reason == "kept":
        return "Kept: it passes everything that its kind's policy asks." + _kept_notes(story)
    why = {
        "language": _language,
        "minimum_characters": _too_short,
        "rating": _rating,
        "quality": _rating,
        "repeated_text": _repeated,
        "duplicate": _duplicate,
        "contamination": _contaminated,
        "sampling": _sampled,
        "error": _error,
    }.get(name, _rule)(story, detail)
    return f"Dropped: {why}."


def also_fails(story: Story) -> list[str]:
    """What else speaks against it, beside the one reason that was taken."""
    found = [
        (test.bound.reason, f"{each.name} {_compared(each, test)}")
        for each in (*story.signals, *story.ratings)
        for test in each.tests
        if not test.passed
    ]
    found += [
        (f"contamination:{hit['benchmark']}", f"it holds text of {hit['benchmark']}")
        for hit in story.hits
    ]
    if story.cluster and story.cluster.members[0]["id"] != story.found.id:
        found.append(("duplicate", "another member of its duplicate cluster stays"))
    reason = story.decision["reason"] if story.decision else None
    return list(dict.fromkeys(text for of, text in found if of != reason))


def _compared(each: Measured, test: Test) -> str:
    bound = test.bound
    limit = spoken_value(bound.table, each.name, bound.value)
    if each.value is None:
        return "has no value"
    value = spoken_value(bound.table, each.name, each.value)
    # Rounded alike though they differ: all digits then.
    if value == limit and not test.passed:
        value = f"{each.value:.7g}"
    side = "below the least" if bound.side == "minimum" else "above the most"
    return f"is {value}, {side} allowed, {limit}"


def _kept_notes(story: Story) -> str:
    notes = []
    if story.cluster and story.cluster.size > 1:
        notes.append(f" It stays for all {story.cluster.size} members of its duplicate cluster.")
    copies = story.decision.get("copies") if story.decision else None
    if copies and copies > 1:
        notes.append(f" Sampling takes it {copies} times.")
    if story.edits:
        spans = "1 span" if len(story.edits) == 1 else f"{len(story.edits):,} spans"
        notes.append(f" {spans} of it will be replaced or cut in the token shards.")
    return "".join(notes)


def _language(story: Story, detail: str) -> str:
    wanted = ", ".join(story.policy.languages)
    score = story.language["language_score"] if story.language else None
    sure = f" (score {score:.2f})" if score is not None else ""
    if detail == "uncertain":
        least = story.policy.minimum_language_score
        return f"its language was not recognised surely enough{sure}; at least {least:.2f} is asked"
    return f"its language was judged to be {detail}{sure}, and {_kind(story)} keeps {wanted}"


def _too_short(story: Story, detail: str) -> str:
    length = len(story.document["text"] or "")
    least = story.policy.minimum_characters
    return f"it has {length:,} characters, and {_kind(story)} asks for at least {least:,}"


def _rule(story: Story, signal: str) -> str:
    reason = story.decision["reason"] if story.decision else ""
    for each in story.signals:
        for test in each.tests:
            if test.bound.reason == reason and not test.passed:
                return f"its {signal} {_compared(each, test)} (rule {reason.split(':')[0]})"
    return f"it breaks the rule {reason}"


def _rating(story: Story, rater: str) -> str:
    for each in story.ratings:
        for test in each.tests:
            if each.name == (rater or "quality") and not test.passed:
                return f"the rating {each.name} {_compared(each, test)}"
    return f"the rater {rater or 'quality'} gives it too low a rating"


def _repeated(story: Story, detail: str) -> str:
    size = sum(each.stop - each.start for each in story.repeated_text)
    whole = max(len((story.document["text"] or "").encode()), 1)
    return f"{size / whole:.0%} of it is text that the corpus repeats"


def _duplicate(story: Story, detail: str) -> str:
    if story.cluster is None:
        return "another member of its duplicate cluster stays"
    stays = story.cluster.members[0]
    return (
        f"of the {story.cluster.size} documents of its duplicate cluster, {stays['id'][:12]} "
        f"({stays['source']}/{stays['locator']}) stays"
    )


def _contaminated(story: Story, benchmark: str) -> str:
    items = [hit["item"] for hit in story.hits if hit["benchmark"] == benchmark]
    which = f"item {items[0]}" if len(items) == 1 else f"{len(items)} items"
    return f"it holds the text of {which if items else 'an item'} of the benchmark {benchmark}"


def _sampled(story: Story, domain: str) -> str:
    return f"its domain {domain} has a budget of tokens, and the sample left it out"


def _error(story: Story, table: str) -> str:
    message = story.errors.get(table)
    return f"the method behind {table} could not process it" + (f" ({message})" if message else "")


def _kind(story: Story) -> str:
    return f"the policy of {story.document['kind']}"
