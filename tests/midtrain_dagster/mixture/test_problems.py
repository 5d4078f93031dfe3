from midtrain_dagster.core.problems import View
from midtrain_dagster.mixture.methods import quality_curve
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


def test_problems_know_the_stages_that_name_a_mixture() -> None:
    view = View(sources={"crawl": "web"}, bands={"web": ["web/1", "web/2"]})
    curve = quality_curve.Config.model_validate(
        {"method": "quality_curve", "tokens": 10, "domains": {"web": {"share": 1}}}
    )
    trained = {"other": {"base": 5}, "curve": {"annealed": 20}}
    ((place, reason),) = problems({"curve": curve}, view, trained)
    assert place == ("mixtures", "curve", "tokens") and reason.startswith(
        "stage annealed trains 20"
    )
