from midtrain_dagster.core import draws
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.schema import document_id, synthetic_source
from midtrain_dagster.synthesis import collector, passages
from midtrain_dagster.synthesis.method import versions
from midtrain_dagster.synthesis.methods import question_answer

GENERATOR = {"engine": "transformers", "model": "m"}


def test_versions_are_those_of_the_method_and_what_it_uses() -> None:
    method = question_answer.Config(domains=["web"], documents=1, generator=GENERATOR)
    assert versions(method) == versions_of(question_answer, passages, collector, draws)


def test_ids_of_two_methods_differ_for_one_text_about_one_passage() -> None:
    one, other = (document_id(synthetic_source(name), "d0:0-93", "It.") for name in ("qa", "qb"))
    assert one != other
