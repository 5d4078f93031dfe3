from itertools import combinations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.synthesis.links import Link, links

NAMES = ["William Arrol", "Anna von Brandt", "Mount Alder", "Émile Zola Street"]
SHARED = {"William Arrol", "Mount Alder", "Émile Zola Street"}


def table(texts: list[str]) -> pl.DataFrame:
    ids = [f"d{at}" for at in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": texts}, {"id": pl.String, "text": pl.String})


@settings(max_examples=60)
@given(st.lists(st.sets(st.sampled_from(NAMES)), max_size=8))
def test_links_join_free_documents_by_a_rare_name_and_leave_none_over(sets) -> None:
    texts = ["".join(f"He met {name}, it says. " for name in sorted(own)) for own in sets]
    found = links(table(texts), count=100)
    ids = [each for link in found for each in link[:2]]
    assert len(set(ids)) == len(ids)
    own = {f"d{at}": names & SHARED for at, names in enumerate(sets)}
    having = {name: sum(name in names for names in own.values()) for name in SHARED}
    rare = {name for name in SHARED if having[name] <= 5}
    assert all(link.name in own[link.first] & own[link.second] & rare for link in found)
    free = sorted(set(own) - set(ids))
    assert not any(own[a] & own[b] & rare for a, b in combinations(free, 2))
    assert links(table(texts), count=1) == found[:1]


def test_the_rarest_and_longest_name_comes_first() -> None:
    texts = [
        "Then Mount Alder and Mount Pine, and Mount Juniper.",
        "On Mount Alder, on Mount Juniper.",
        "By Mount Alder and by Mount Pine.",
    ]
    assert links(table(texts), count=9) == [Link("d0", "d1", "Mount Juniper")]
    assert links(table(["William Arrol begins.", "William Arrol begins."]), count=9) == []
    assert links(table([]), count=9) == []
