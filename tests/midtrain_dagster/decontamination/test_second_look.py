"""Passages of which the words alone say too little are compared by a small real model."""

from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.curation.raters.sentence_embedding import embed
from midtrain_dagster.decontamination import acquittals
from midtrain_dagster.decontamination.cuts import cuts
from midtrain_dagster.decontamination.methods import qwen_math
from midtrain_dagster.decontamination.options import SecondLook
from midtrain_dagster.decontamination.problems import findings
from midtrain_dagster.decontamination.scan import scan
from midtrain_dagster.decontamination.second_look import passage
from tests.vectors import static_vectors

from .conftest import document_table, item_table

ITEM = (
    "a farmer has twelve brown cows and buys seven more of them at the fair in spring and his "
    "neighbour sells him three old bulls for half of what they had cost him in the summer before"
)
FIRST, REST = " ".join(ITEM.split()[:16]), ITEM.split()[16:]
ITEMS = item_table(("b", "1", ITEM, [], None, None))
EDITED = f"{FIRST} {' '.join(REST[::2])}"
"""Half of the rest is there."""
UNLIKE = f"{FIRST} {' '.join(f'x{n} he' for n in range(20))}"
"""It begins so, and goes on otherwise."""
PAGES = document_table(ITEM, f"So:\n{EDITED}\nas it is", UNLIKE, "nothing of the kind is here")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return static_vectors(tmp_path_factory.mktemp("vectors"), PAGES["text"].to_list())


@pytest.fixture(scope="module")
def config(model: Path) -> qwen_math.Config:
    look = SecondLook(embedding=str(model), certain=0.9, similarity=0.6)
    return qwen_math.Config(lcs_ratio=0.3, second_look=look)


def test_what_lies_between_two_thresholds_is_decided_by_the_model(config, model: Path) -> None:
    hits = scan(PAGES, ITEMS, config=config.alone())["hits"]
    scores = dict(hits.select("id", "lcs_ratio").iter_rows())
    assert scores["d0"] == 1 and all(0.3 < scores[each] < 0.9 for each in ("d1", "d2"))
    made = acquittals.standing(PAGES.lazy(), hits, ITEMS, config=config, look=model)
    assert made["hits"]["id"].to_list() == ["d0", "d1"]
    assert made["hits"].equals(hits.filter(pl.col("id") != "d2"))
    (spared,) = made["spared"].iter_rows(named=True)
    assert (spared["id"], spared["reason"]) == ("d2", "dissimilar")
    both = embed(pl.Series([UNLIKE, ITEM]), model)
    assert spared["similarity"] == pytest.approx(float(both[0] @ both[1]), abs=1e-6)
    assert spared["similarity"] < 0.6


@pytest.mark.parametrize(("similarity", "standing"), [(-0.99, 3), (0.6, 2), (1.0, 1)])
def test_the_certain_are_not_looked_at(config, model: Path, similarity, standing) -> None:
    look = config.second_look.model_copy(update={"similarity": similarity})
    made = config.model_copy(update={"second_look": look})
    assert acquittals.judged(PAGES, ITEMS, config=made, look=model).height == standing
    certain = look.model_copy(update={"certain": 0.01})
    made = config.model_copy(update={"second_look": certain})
    assert acquittals.judged(PAGES, ITEMS, config=made, look=model).height == 3


def test_it_does_not_depend_on_the_cut_into_parts(config, model: Path) -> None:
    whole = acquittals.judged(PAGES, ITEMS, config=config, look=model)
    for step in (1, 2, 3):
        parts = [
            acquittals.judged(part, ITEMS, config=config, look=model)
            for part in PAGES.iter_slices(step)
        ]
        assert pl.concat(parts).equals(whole)


def test_what_was_spared_is_not_cut(config, model: Path) -> None:
    hits = acquittals.judged(PAGES, ITEMS, config=config, look=model)
    found = cuts(PAGES, ITEMS, hits, config=config, look=model)["cuts"]
    assert found["id"].to_list() == ["d0", "d1"]


def test_a_passage_goes_to_the_ends_of_its_lines_but_no_further_than_an_item() -> None:
    text = "éa\nbefore it MATCH behind it\nc"
    start = len(text[: text.index("MATCH")].encode())
    assert passage(text, start, start + 5, "x" * 100) == "before it MATCH behind it"
    assert passage(text, start, start + 5, "xxx") == "it MATCH be"
    wide = "é" * 50
    assert passage(wide, 20, 40, "xxx") == "é" * 12


def test_a_folder_without_a_model_is_refused_before_cost(config, model: Path, tmp_path) -> None:
    assert not list(findings(config, str))
    assert not list(findings(qwen_math.Config(), str))
    (tmp_path / "empty").mkdir()
    for name, said in (("none", "there is no folder"), ("empty", "no embedding model")):
        look = config.second_look.model_copy(update={"embedding": str(tmp_path / name)})
        (found,) = findings(config.model_copy(update={"second_look": look}), str)
        assert found.place == ("second_look", "embedding") and said in found.reason


def test_where_the_model_lies_is_no_cause(config) -> None:
    moved = config.second_look.model_copy(update={"embedding": "elsewhere"})
    assert canonical(config) == canonical(config.model_copy(update={"second_look": moved}))
    assert canonical(config) != canonical(config.alone())
