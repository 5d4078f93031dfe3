"""Topics: documents of the same words come together, whatever their order."""

import polars as pl
import pytest

from midtrain_dagster.probe.topics import TOPICS, cluster

SUBJECTS = {
    "music": "album guitar singer melody concert chorus drummer recording",
    "rivers": "river valley water bridge flood stream delta current",
    "games": "football league season player goal striker match stadium",
}


def documents(count: int = 30) -> pl.DataFrame:
    rows = []
    for number in range(count):
        name = list(SUBJECTS)[number % 3]
        words = SUBJECTS[name].split()
        chosen = [words[(number // 3 + step) % len(words)] for step in range(5)]
        rows.append((f"{name} {number}", f"There were many of {' and '.join(chosen)} that year."))
    return pl.DataFrame(rows, schema=["id", "text"], orient="row")


@pytest.mark.parametrize("seed", range(3))
def test_documents_of_the_same_words_have_a_topic(seed: int) -> None:
    topics, names = cluster(documents(), count=3, seed=seed)
    assert topics.schema == TOPICS and topics["id"].to_list() == documents()["id"].to_list()
    by_subject = topics.group_by(pl.col("id").str.extract(r"^(\w+)")).agg(pl.col("topic").unique())
    assert all(len(found) == 1 for found in by_subject["topic"])
    assert topics["topic"].n_unique() == 3
    for number, name in enumerate(names):
        subject = topics.filter(topic=number)["id"][0].split()[0]
        assert set(name.split(", ")) <= set(SUBJECTS[subject].split())


def test_the_order_of_documents_changes_nothing() -> None:
    one, names = cluster(documents(), count=3, seed=1)
    other, same = cluster(documents().reverse(), count=3, seed=1)
    assert one.sort("id").equals(other.sort("id")) and names == same


def test_few_documents_and_none_with_words_are_topics_too() -> None:
    few = pl.DataFrame({"id": ["a", "b"], "text": ["1 2 3", ""]})
    topics, names = cluster(few, count=8, seed=0)
    assert topics.height == 2 and len(names) == 2
