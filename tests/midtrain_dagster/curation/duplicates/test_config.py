import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.curation.duplicates import verification
from midtrain_dagster.curation.duplicates.config import Duplicates, default_duplicates
from midtrain_dagster.curation.duplicates.method import artifacts_of
from midtrain_dagster.curation.duplicates.methods import exact, minhash, url

DUPLICATES = TypeAdapter(Duplicates)


def test_minhash_is_the_method_of_a_section_that_names_none() -> None:
    section = {"preset": "strict", "keep": "best_rated"}
    assert DUPLICATES.validate_python(section) == (minhash.Config(**section),)
    assert default_duplicates() == DUPLICATES.validate_python({}) == (minhash.Config(),)
    found = DUPLICATES.validate_python({"method": "exact", "keep": "oldest"})
    assert found == (exact.Config(keep="oldest"),)
    assert DUPLICATES.validate_python({"method": "url"}) == (url.Config(),)


def test_several_methods_go_side_by_side_and_the_first_says_what_stays() -> None:
    both = DUPLICATES.validate_python([{"keep": "oldest"}, {"method": "url"}])
    assert both == (minhash.Config(keep="oldest"), url.Config())
    assert DUPLICATES.validate_json(DUPLICATES.dump_json(both)) == both
    assert list(artifacts_of("signatures", both)) == ["signatures", "signatures/url"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"method": "exact", "bands": 3}, "exact.bands"),
        ({"bands": 0}, "minhash.bands"),
        ({"method": "guess"}, "'minhash', 'exact', 'url'"),
        ([], "at least 1 item"),
        ([{"method": "url"}, {}, {"method": "url"}], "the method url is named twice"),
        ([{}, {"method": "url", "keep": "oldest"}], "url: keep is said by the first method"),
    ],
)
def test_fields_are_those_of_the_method(section: dict | list, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DUPLICATES.validate_python(section)


def test_which_member_stays_is_no_cause_of_signatures_and_edges() -> None:
    one, other = minhash.Config(keep="longest"), minhash.Config(keep="oldest")
    assert (one.signature_parameters, one.edge_parameters) == (
        other.signature_parameters,
        other.edge_parameters,
    )
    assert minhash.Config(threshold=0.9).signature_parameters == one.signature_parameters
    assert minhash.Config(threshold=0.9).edge_parameters != one.edge_parameters


def test_edges_depend_on_how_they_are_verified_and_signatures_do_not() -> None:
    for method in (minhash.Config(), exact.Config()):
        assert versions_of(verification).items() <= method.edge_versions().items()
        assert not versions_of(verification).items() & method.versions().items()
        assert method.versions().items() < method.edge_versions().items()
