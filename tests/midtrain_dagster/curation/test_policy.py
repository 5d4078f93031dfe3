import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.core.schema import FORMATS, KINDS
from midtrain_dagster.curation.policy import DEFAULTS, VERSION, CurationPolicy, KindPolicy

WEB_RULES = ["gopher_repetition", "gopher_quality", "c4", "fineweb"]


def test_every_kind_has_a_policy_in_every_format() -> None:
    assert (CurationPolicy.kinds(), tuple(DEFAULTS)) == (KINDS, KINDS)
    policy = CurationPolicy()
    assert all(isinstance(policy.of(kind, each), KindPolicy) for kind in KINDS for each in FORMATS)


def test_what_a_recipe_says_is_laid_over_the_default() -> None:
    policy = CurationPolicy.model_validate(
        {
            "prose": {
                "minimum_ratings": {"quality": 0.2},
                "thresholds": {"minimum_word_count": 20},
                "without": ["c4"],
            },
            "sources": {
                "notes": {"without": ["fineweb"], "thresholds": {"minimum_stop_words": 1}},
                "letters": {"rules": ["gopher_quality", "c4"]},
            },
        }
    )
    prose = policy.of("prose")
    assert (prose.rules, prose.without, prose.languages) == (WEB_RULES, ["c4"], ["en"])
    assert prose.minimum_ratings == {"quality": 0.2}
    notes = policy.of("prose", "markdown", "notes")
    assert {*notes.without} > {"c4", "fineweb", "c4:has_curly_bracket"}
    assert notes.thresholds == {
        "minimum_c4_sentences": 3,
        "minimum_word_count": 20,
        "minimum_stop_words": 1,
    }
    # Rules that are said go without the exceptions that defaults make of theirs.
    letters = policy.of("prose", "markdown", "letters")
    assert (letters.without, letters.thresholds) == ([], {})
    assert policy.of("code") == CurationPolicy().of("code")
    assert CurationPolicy.model_validate(policy.model_dump(exclude_unset=True)) == policy


def test_languages_are_said_once_for_prose_and_where_they_differ() -> None:
    policy = CurationPolicy.model_validate(
        {
            "languages": ["en", "de"],
            "qa": {"languages": ["fr"]},
            "sources": {"a": {"languages": "all"}},
        }
    )
    assert policy.of("prose", "pdf").languages == ["en", "de"]
    assert [policy.of(kind).languages for kind in ("qa", "code")] == [["fr"], "all"]
    assert policy.of("prose", source="a").languages == "all"
    assert policy.asks_language({"prose"}) and not policy.asks_language({"code", "agent"})
    assert not CurationPolicy(languages="all").asks_language(KINDS)
    assert policy.spoken_languages == "en, de; fr by qa; all by sources.a"
    assert CurationPolicy().spoken_languages == "en (default)"


def test_scopes_cover_each_document_once() -> None:
    policy = CurationPolicy.model_validate({"sources": {"notes": {"without": ["c4"]}}})
    rows = [
        {"kind": kind, "format": each, "source": source}
        for kind in KINDS
        for each in FORMATS
        for source in ("notes", "other")
    ]
    found = pl.DataFrame(rows).select(
        scope.covers.alias(str(number)) for number, scope in enumerate(policy.scopes)
    )
    assert found.select(pl.sum_horizontal(pl.all())).to_series().unique().to_list() == [1]
    for row, covers in zip(rows, found.iter_rows(), strict=True):
        (scope,) = (each for each, is_one in zip(policy.scopes, covers, strict=True) if is_one)
        assert scope.holds(row) and scope.policy == policy.of(*row.values())
    names = [scope.name for scope in policy.scopes]
    assert names[:2] == ["prose", "prose in markdown, restructuredtext"]
    assert "prose in pdf of notes" in names


def test_ceilings_are_no_cause_of_decisions() -> None:
    ceilings = {"removal_ceiling": 0.3, "removal_ceilings": {"web": 1.0}}
    assert canonical(CurationPolicy(**ceilings)) == canonical(CurationPolicy())
    for said in ({"minimum_characters": 1}, {"rules": []}, {"without": ["c4"]}):
        asked = CurationPolicy.model_validate({"prose": said})
        assert canonical(asked) != canonical(CurationPolicy())


def test_signals_are_those_that_some_policy_bounds() -> None:
    nothing = {kind: {"rules": []} for kind in KINDS}
    assert CurationPolicy.model_validate(nothing).signals == []
    two = nothing | {"prose": {"rules": ["sensitive"]}, "qa": {"rules": ["source_code"]}}
    assert CurationPolicy.model_validate(two).signals == [
        *("alphanumeric_ratio", "longest_line", "mean_line_length", "obscene_word_ratio")
    ]
    one = nothing | {"sources": {"web": {"rules": ["gibberish"]}}}
    assert CurationPolicy.model_validate(one).signals == ["letter_surprise"]
    assert not [name for name in CurationPolicy().signals if name.endswith("_datatrove")]


def test_ratings_may_be_left_aside() -> None:
    asked = {"minimum_ratings": {"quality": 1}, "minimum_characters": 9}
    policy = CurationPolicy.model_validate({"code": asked, "sources": {"web": asked}})
    assert not any(scope.policy.minimum_ratings for scope in policy.unrated.scopes)
    assert policy.unrated.of("code").minimum_characters == 9


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"prose": {"rules": ["gopher"]}}, "gopher_repetition"),
        ({"prose": {"languages": []}}, "at least 1"),
        ({"prose": {"languages": None}}, "say `all`"),
        ({"languages": ["EN"]}, "'EN', so no document is of it; did you mean 'en'"),
        ({"sources": {"web": {"languages": ["jp"]}}}, "did you mean 'ja'"),
        ({"poetry": {}}, "poetry"),
        ({"removal_ceiling": 1.5}, "less than or equal to 1"),
        ({"removal_ceilings": {"owt": -1}}, "greater than or equal to 0"),
    ],
)
def test_mistakes_are_found_when_the_recipe_is_loaded(section: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CurationPolicy.model_validate(section)


def test_golden() -> None:
    """Web pages are asked as FineWeb asks; whoever changes what is asked of others says so here."""
    policy = CurationPolicy()
    for format in ("plain", "web_page", "chat"):
        asked = policy.of("prose", format)
        assert (asked.rules, asked.without, asked.thresholds) == (WEB_RULES, [], {})
        assert asked.minimum_language_score == 0.65
    exceptions = {
        each: [len(policy.of("prose", each).asked), policy.of("prose", each).minimum_language_score]
        for each in ("markdown", "restructuredtext", "manual_page", "pdf", "latex", "html")
    }
    assert (VERSION, exceptions) == (
        1,
        {
            "markdown": [25, 0.4],
            "restructuredtext": [25, 0.4],
            "manual_page": [25, 0.4],
            "pdf": [27, 0.4],
            "latex": [5, 0.65],
            "html": [5, 0.65],
        },
    )


FINEWEB_RULES = [
    *("gopher_repetition_datatrove", "gopher_quality_datatrove", "c4_fineweb", "fineweb_after_c4"),
]


def test_fineweb_is_the_same_for_every_kind_and_format() -> None:
    policy = CurationPolicy.model_validate(
        {"languages": ["de"], "prose": {"policy": "fineweb"}, "code": {"policy": "fineweb"}}
    )
    for kind in ("prose", "code"):
        for each in FORMATS:
            made = policy.of(kind, each)
            assert (made.rules, made.without, made.thresholds) == (FINEWEB_RULES, [], {})
            assert (made.languages, made.minimum_language_score) == (["de"], 0.65)
            assert made.cuts
    assert not policy.of("qa").cuts
    assert len([scope for scope in policy.scopes if scope.policy.cuts]) == 2


def test_a_section_is_laid_over_the_policy_that_it_names() -> None:
    policy = CurationPolicy.model_validate(
        {
            "prose": {
                "policy": "fineweb",
                "thresholds": {"minimum_word_count_datatrove": 20},
                "minimum_ratings": {"quality": 0.3},
            },
            "sources": {
                "notes": {"policy": "by_format", "without": ["c4"]},
                "web": {"without": ["fineweb_after_c4"]},
            },
        }
    )
    assert policy.of("prose").thresholds == {"minimum_word_count_datatrove": 20}
    web = policy.of("prose", "plain", "web")
    assert (web.cuts, web.without, web.rules) == (True, ["fineweb_after_c4"], FINEWEB_RULES)
    # A policy that a source names replaces what was said of its kind.
    notes = policy.of("prose", "markdown", "notes")
    default = CurationPolicy().of("prose", "markdown")
    assert notes == default.model_copy(update={"without": [*default.without, "c4"]})


def test_what_a_cut_depends_on() -> None:
    assert CurationPolicy().cutting is None
    said = {
        "prose": {"policy": "fineweb", "thresholds": {"minimum_word_count_datatrove": 20}},
        "sources": {"notes": {"policy": "by_format"}, "web": {"without": ["c4_fineweb"]}},
    }
    policy = CurationPolicy.model_validate(said)
    loosened = CurationPolicy.model_validate(
        said | {"prose": {"policy": "fineweb"}, "languages": "all", "sources": said["sources"]}
    )
    assert canonical(policy.cutting) == canonical(loosened.cutting)
    rows = pl.DataFrame(
        {
            "kind": ["prose", "prose", "qa", "prose"],
            "format": ["plain", "markdown", "plain", "plain"],
            "source": ["web", "other", "web", "notes"],
        }
    )
    for each in (policy, policy.cutting):
        assert rows.select(each.cuts).to_series().to_list() == [True, True, False, False]
    assert not rows.select(CurationPolicy().cuts).to_series().any()


def test_stores_without_a_named_policy_find_what_there_was() -> None:
    section = CurationPolicy.model_validate({"prose": {"without": ["c4"]}})
    assert "policy" not in canonical(section)["prose"]
    named = CurationPolicy.model_validate({"prose": {"policy": "fineweb"}})
    assert canonical(named)["prose"]["policy"] == "fineweb"
