from typing import Any

from pydantic import TypeAdapter

from midtrain_dagster.core.problems import View
from midtrain_dagster.curation.duplicates.config import Duplicates
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.problems import problems
from midtrain_dagster.curation.raters.config import RaterConfig
from midtrain_dagster.curation.sampling import Sampling

VIEW = View(sources={"wikipedia": "general", "web": "general"}, synthetic={"questions": "qa"})
QUALITY = {"method": "fasttext", "positives": ["wikipedia"], "negatives": ["web"]}


def found(**sections: Any) -> list[tuple[str, str]]:
    raters = {"quality": QUALITY, **sections.get("raters", {})}
    duplicates = sections.get("duplicates", {})
    sampling = sections.get("sampling")
    made = problems(
        CurationPolicy.model_validate(sections.get("curation", {})),
        TypeAdapter(dict[str, RaterConfig]).validate_python(raters),
        TypeAdapter(Duplicates).validate_python(duplicates),
        sampling and Sampling.model_validate(sampling),
        VIEW,
    )
    return [(".".join(map(str, place)), reason) for place, reason in made]


def test_problems_are_none_where_every_name_leads_somewhere() -> None:
    assert not found(
        curation={
            "removal_ceilings": {"web": 1.0},
            "prose": {"minimum_ratings": {"quality": 0.1}},
        },
        duplicates={"keep": "best_rated"},
        sampling={"domains": {"qa": {"tokens": "2k", "by": "quality"}, "general": {"tokens": 9}}},
    )


def test_problems_of_raters_are_names_that_they_learn_from_or_combine() -> None:
    judge = {"generator": {"engine": "transformers", "model": "small"}, "sources": ["lost"]}
    raters = {
        "other": QUALITY | {"negatives": ["pages"]},
        "style": {"method": "pairwise", "embedding": "vectors", "judge": judge},
        "best": {"method": "combination", "of": ["quality", "lost", "second"]},
        "second": {"method": "combination", "of": ["quality"]},
    }
    assert found(raters=raters) == [
        ("raters.other.negatives.0", "no source 'pages' is declared (wikipedia, web)"),
        ("raters.style.judge.sources.0", "no source 'lost' is declared (wikipedia, web)"),
        (
            "raters.best.of.1",
            "no rater 'lost' is declared (quality, other, style, best, second)",
        ),
        ("raters.best.of.2", "'second' is a combination itself"),
    ]


def test_problems_are_all_found_at_once() -> None:
    wrong = found(
        curation={
            "removal_ceilings": {"pages": 1.0},
            "code": {"minimum_ratings": {"depth": 0.1}},
        },
        duplicates={"keep": "best_rated", "rated_by": "style"},
        sampling={"domains": {"law": {"tokens": 9, "by": "age"}}},
    )
    assert wrong == [
        ("curation.removal_ceilings.pages", "no source 'pages' is declared (wikipedia, web)"),
        ("curation.code.minimum_ratings.depth", "no rater 'depth' is declared (quality)"),
        ("duplicates.rated_by", "no rater 'style' is declared (quality)"),
        ("sampling.domains.law.by", "no rater 'age' is declared (quality)"),
        ("sampling.domains.law", "no source feeds 'law' (fed: general, qa)"),
    ]
