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
            "removal_ceilings": {"web": 1.0, "synthetic_questions": 0.5},
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
        (
            "curation.removal_ceilings.pages",
            "no source 'pages' is declared (wikipedia, web, synthetic_questions)",
        ),
        ("curation.code.minimum_ratings.depth", "no rater 'depth' is declared (quality)"),
        ("duplicates.rated_by", "no rater 'style' is declared (quality)"),
        ("sampling.domains.law.by", "no rater 'age' is declared (quality)"),
        ("sampling.domains.law", "no source feeds 'law' (fed: general, qa)"),
    ]


def test_problems_of_rules_are_names_that_bound_nothing_there() -> None:
    wrong = found(
        curation={
            "prose": {
                "thresholds": {"minimum_longest_line": 3},
                "without": ["c4:has_curly", "finweb"],
            },
            "code": {"thresholds": {"minimum_word_count": 3}, "without": ["source_code", "c4"]},
            "sources": {"pages": {"without": ["fineweb"]}, "web": {"without": ["gopherquality"]}},
        }
    )
    assert [place for place, _ in wrong] == [
        "curation.sources.pages",
        "curation.prose.thresholds.minimum_longest_line",
        "curation.prose.without.0",
        "curation.prose.without.1",
        "curation.code.thresholds.minimum_word_count",
        "curation.code.without.1",
        "curation.sources.web.without.0",
    ]
    told = dict(wrong)
    assert told["curation.prose.without.0"].startswith(
        "c4 does not look at 'has_curly'; did you mean 'has_curly_bracket'? (it looks at has_curly"
    )
    assert (
        "no rule 'finweb' is asked there; did you mean 'fineweb'?"
        in told["curation.prose.without.1"]
    )
    assert "bounds nothing in source_code" in told["curation.code.thresholds.minimum_word_count"]
    assert "did you mean 'gopher_quality'?" in told["curation.sources.web.without.0"]


def test_unwanted_words_need_a_list() -> None:
    asked = {"prose": {"also": ["unwanted"]}}
    ((place, reason),) = found(curation=asked)
    assert (place, "no list" in reason) == ("curation.word_lists.unwanted", True)
    assert not found(curation={**asked, "word_lists": {"unwanted": {"en": "words.txt"}}})
