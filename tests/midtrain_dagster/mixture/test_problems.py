from midtrain_dagster.core.problems import View
from midtrain_dagster.mixture.methods.proportional import Config
from midtrain_dagster.mixture.problems import problems

VIEW = View(sources={"crawl": "web"}, synthetic={"pairs": "qa"})


def test_problems_are_domains_that_nothing_feeds() -> None:
    mixtures = {
        "natural": Config(method="proportional", domains=("web", "code")),
        "all": Config(method="proportional"),
    }
    assert list(problems(mixtures, VIEW)) == [
        (("mixtures", "natural", "domains", 1), "no source feeds 'code' (fed: qa, web)")
    ]
