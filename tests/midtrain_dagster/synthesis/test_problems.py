from midtrain_dagster.core.problems import View
from midtrain_dagster.synthesis.methods import extracted_questions, question_answer, rephrase
from midtrain_dagster.synthesis.problems import problems

GENERATOR = {"engine": "transformers", "model": "m"}


def test_problems_name_domains_that_no_source_feeds_and_sources_of_a_methods_name() -> None:
    synthesis = {
        "qa": question_answer.Config(domains=["web"], documents=1, generator=GENERATOR),
        "said": rephrase.Config(domains=["web", "qa"], documents=1, generator=GENERATOR),
    }
    feeds = {name: method.domain for name, method in synthesis.items()}
    good = View(sources={"crawl": "web", "x": "qa"}, synthetic=feeds)
    assert list(problems(synthesis, good)) == []
    view = View(sources={"crawl": "web", "synthetic_qa": "web"}, synthetic=feeds)
    assert list(problems(synthesis, view)) == [
        (("synthesis", "qa"), "its documents would have the name of the source 'synthetic_qa'"),
        (("synthesis", "said", "domains", 1), "no source feeds 'qa' (fed: web)"),
    ]


def test_what_a_method_compares_with_is_fed_as_well() -> None:
    method = extracted_questions.Config(
        domains=["web"], positives=["web", "forum"], documents=1, generator=GENERATOR
    )
    view = View(sources={"crawl": "web"}, synthetic={"asked": method.domain})
    assert list(problems({"asked": method}, view)) == [
        (("synthesis", "asked", "positives", 1), "no source feeds 'forum' (fed: web)"),
    ]
