"""Synthetic documents from an endpoint that answers from the passage it is shown."""

from typing import Any

import dagster as dg
import pytest

from midtrain_dagster.inference.engine import GenerationError
from midtrain_dagster.synthesis.method import EXAMPLES_KEPT
from midtrain_dagster.tokens.held_out import is_held_out
from tests.endpoint import Endpoint


def synthesis(address: str) -> dict[str, Any]:
    """Two methods, one of them twice: the same questions under two names."""
    generator = {"engine": "openai", "base_url": address, "model": "oracle"}
    common = {"domains": ["web", "wikipedia"], "documents": 100, "generator": generator}
    asked = {"method": "question_answer", **common}
    return {"qa": asked, "again": asked, "said": {"method": "rephrase", **common}}


@pytest.fixture
def made(graph, root, endpoint: Endpoint) -> Any:
    return graph(synthesis=synthesis(endpoint.address))


NAMES = tuple(f"synthesis/{name}/documents" for name in ("qa", "again", "said"))


def test_documents_are_made_of_kept_ones_that_are_not_held_out(made, endpoint) -> None:
    made.make(*NAMES)
    documents = made.artifact("documents").read("documents")
    decisions = made.artifact("curated_documents").read("decisions")
    kept = documents.join(decisions.filter("keep"), on="id", how="semi")
    apart = kept.filter(is_held_out(kept["id"], share=0.2, seed=made.recipe.seed))
    assert apart.height
    asked = "\n".join(endpoint.prompts)
    assert len(endpoint.prompts) == 3 * (kept.height - apart.height)
    for text in apart["text"]:
        assert text[:150] not in asked
    ids: set[str] = set()
    for name, domain in zip(NAMES, ("qa", "qa", "rephrased"), strict=True):
        artifact = made.artifact(name)
        written = artifact.read("documents")
        assert written.height > 10
        assert set(written["domain"]) == {domain}
        assert set(written["source"]) == {f"synthetic_{name.split('/')[1]}"}
        assert artifact.rows("examples") == min(written.height, EXAMPLES_KEPT)
        assert written.height + artifact.rows("rejects") == kept.height - apart.height
        # The same question under another name is another document.
        assert ids.isdisjoint(written["id"])
        ids.update(written["id"])
    texts = [set(made.artifact(name).read("documents")["text"]) for name in NAMES]
    assert texts[0] == texts[1] != texts[2]


def test_endpoint_that_moves_makes_nothing_again(made, graph, endpoint: Endpoint) -> None:
    made.make(NAMES[0])
    asked = len(endpoint.prompts)
    moved = graph(synthesis=synthesis("http://127.0.0.1:9/v1"))
    moved.make(NAMES[0])
    assert len(endpoint.prompts) == asked
    fields = synthesis(endpoint.address)
    fields["qa"]["generator"]["model"] = "another"
    graph(synthesis=fields).make(NAMES[0])
    assert len(endpoint.prompts) == 2 * asked


def test_completions_of_which_none_is_accepted_stop_the_run_at_once(made, endpoint) -> None:
    endpoint.invents = True
    expected = r"none of \d+ completions was accepted \(most often no_question\)"
    with pytest.raises(dg.Failure, match=expected):
        made.make(NAMES[0])


def test_model_that_is_not_there_is_named(graph, root) -> None:
    generator = {"engine": "transformers", "model": "nowhere"}
    fields = {"method": "rephrase", "domains": ["web"], "documents": 1, "generator": generator}
    made = graph(synthesis={"said": fields})
    with pytest.raises(GenerationError, match="nowhere: there is no model's folder"):
        made.make("synthesis/said/documents")
