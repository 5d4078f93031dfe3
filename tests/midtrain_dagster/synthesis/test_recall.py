import polars as pl
import pytest

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.synthesis.methods.extracted_questions import Config
from midtrain_dagster.synthesis.recall import recall

ASKED = "Why does the {} not start? Answer: check the {} and the battery, then ask again number {}."
TOLD = "The {} of the old harbour was rebuilt by the town after the flood of that {} year {}."
THINGS = ("engine", "pump", "lamp", "radio", "clock", "boiler", "motor", "fan")


def page(number: int, *, asks: bool, site: str, domain: str = "web") -> tuple[str | None, ...]:
    text = (ASKED if asks else TOLD).format(*[THINGS[number % 8]] * 2, number) * 3
    name = f"{domain}-{site}-{number}"
    address = f"https://{site}/{number}" if "." in site else f"file:{number}"
    return name, text, f"from_{site}", domain, "prose", "plain", "en", address, "{}"


def table(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), DOCUMENTS, orient="row")


SEEDS = table(*(page(n, asks=True, site="seed", domain="forum") for n in range(60)))
CORPUS = table(
    *(page(n, asks=True, site="help.example") for n in range(10)),
    *(page(n, asks=False, site="town.example") for n in range(100)),
    page(500, asks=True, site="town.example"),
    *(page(n, asks=n < 3, site="dump") for n in range(6)),
)


def test_pages_like_the_seeds_are_recalled_where_their_site_has_enough_of_them() -> None:
    found = recall(SEEDS, CORPUS, seed=1)
    assert found.searched == CORPUS.height
    assert found.likely == 14
    sites = found.documents["source"].value_counts(sort=True).rows()
    assert sites == [("from_help.example", 10), ("from_dump", 3)]
    assert found.documents["recall"].min() > 0.5
    again = recall(SEEDS.reverse(), CORPUS.reverse(), seed=1)
    assert set(again.documents["id"]) == set(found.documents["id"])


@pytest.mark.parametrize(("seeds", "corpus"), [(SEEDS.clear(), CORPUS), (SEEDS, CORPUS.clear())])
def test_nothing_is_recalled_of_nothing(seeds: pl.DataFrame, corpus: pl.DataFrame) -> None:
    found = recall(seeds, corpus, seed=1)
    assert found.documents.is_empty()
    assert found.documents.columns == [*DOCUMENTS.names(), "recall"]


def test_the_method_asks_about_what_is_recalled_and_never_about_a_seed() -> None:
    generator = {"engine": "transformers", "model": "m"}
    method = Config(
        domains=["web", "forum"], positives=["forum"], documents=5, generator=generator, seed=1
    )
    chosen = method.choose(pl.concat([SEEDS, CORPUS]))
    assert chosen.height == 5
    assert set(chosen["domain"]) == {"web"}
    assert chosen.select("searched", "likely", "sites").unique().row(0) == (CORPUS.height, 14, 13)
