"""Synthetic documents from an endpoint that answers from the passage it is shown."""

import json
from typing import Any

import dagster as dg
import pytest

from assets.synthesis import _metadata as synthesis_metadata
from midtrain_dagster.inference.engine import GenerationError
from midtrain_dagster.synthesis import report_judge
from midtrain_dagster.synthesis.tables import EXAMPLES_KEPT
from midtrain_dagster.tokens.held_out import is_held_out
from resources.terminal import LOST
from tests.endpoint import ERROR_PAGE, Endpoint


def synthesis(address: str) -> dict[str, Any]:
    """Two methods, one of them twice: the same questions under two names."""
    generator = {"engine": "openai", "base_url": address, "model": "oracle"}
    common = {"domains": ["web", "wikipedia"], "documents": 100, "generator": generator}
    asked = {"method": "question_answer", **common}
    return {"qa": asked, "again": asked, "said": {"method": "rephrase", **common}}


@pytest.fixture
def made(graph, root, endpoint: Endpoint) -> Any:
    return graph(synthesis=synthesis(endpoint.address))


CURATING = (
    *("language", "signals", "ratings", "signatures", "contamination", "duplicate_edges"),
    *("eligibility", "duplicate_clusters", "curated_documents"),
)
"""What every method's documents pass, in this order."""


NAMES = tuple(f"synthesis/{name}/documents" for name in ("qa", "again", "said"))


def test_documents_are_made_of_kept_ones_that_are_not_held_out(made, endpoint) -> None:
    made.make(*NAMES)
    documents = made.artifact("documents").read("documents")
    decisions = made.artifact("curated_documents").read("decisions")
    kept = documents.join(decisions.filter("keep"), on="id", how="semi")
    apart = kept.filter(is_held_out(kept["id"], share=0.2, seed=made.recipe.seed))
    assert apart.height
    asked = "\n".join(endpoint.prompts)
    # The same questions under another name are asked once.
    assert len(endpoint.prompts) == 2 * (kept.height - apart.height)
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


def test_what_was_asked_is_not_asked_again_for_other_documents(
    made, graph, endpoint: Endpoint
) -> None:
    made.make(NAMES[0])
    first, asked = made.artifact(NAMES[0]), len(endpoint.prompts)
    fields = synthesis(endpoint.address)
    fields["qa"]["domain"] = "quiz"
    other = graph(synthesis=fields)
    other.make(NAMES[0])
    second = other.artifact(NAMES[0])
    assert second.fingerprint != first.fingerprint
    assert set(second.read("documents")["domain"]) == {"quiz"}
    assert len(endpoint.prompts) == asked
    # Fewer documents: what the others were asked is in no part of it.
    fields["qa"]["documents"] = 12
    fewer = graph(synthesis=fields)
    fewer.make(NAMES[0])
    assert fewer.artifact(NAMES[0]).rows("answers") == 12
    assert len(endpoint.prompts) == asked


def test_what_was_asked_and_answered_is_kept(made, endpoint: Endpoint) -> None:
    made.make(NAMES[0])
    artifact = made.artifact(NAMES[0])
    requests, answers = artifact.read("requests"), artifact.read("answers")
    assert set(answers["prompt"]) == set(endpoint.prompts)
    assert set(requests["round"]) == {1}
    assert requests["key"].is_in(answers["key"].implode()).all()
    figures = artifact.manifest.figures
    assert figures["requests"] == figures["prompts"] == len(endpoint.prompts)
    assert figures["tokens_in"] == sum(len(prompt) // 4 for prompt in endpoint.prompts)
    assert figures["accepted"] == artifact.rows("documents")
    for metadata in artifact.read("documents")["metadata"]:
        described = json.loads(metadata)
        assert set(described["requests"]) <= set(requests["id"])
        assert described["family"] == "distillation"


def test_a_request_that_is_refused_costs_itself(made, graph, endpoint: Endpoint) -> None:
    made.make(NAMES[0])
    endpoint.refused = endpoint.prompts[-1].rpartition("Passage:")[2]
    fields = synthesis(endpoint.address)
    fields["qa"]["failed_share"] = 0.5
    fields["qa"]["generator"] |= {"model": "another", "concurrency": 1}
    other = graph(synthesis=fields)
    other.make(NAMES[0])
    artifact = other.artifact(NAMES[0])
    rejects = artifact.read("rejects").filter(reason="refused")
    assert rejects.height >= 1
    assert "refused a request with status 422" in rejects["completion"][0]
    assert artifact.rows("documents") > 10


def test_an_endpoint_that_refuses_everything_stops_the_run(made, endpoint: Endpoint) -> None:
    endpoint.refused = "Passage:"
    with pytest.raises(dg.Failure, match="refused a request with status 422"):
        made.make(NAMES[0])


def test_a_method_without_documents_is_told_where_others_feed_its_domain(
    graph, root, endpoint
) -> None:
    fields = {"qa": synthesis(endpoint.address)["qa"]}
    # Of documents that are long enough, there are none.
    short = {"method": "hierarchical_summary", "domain": "qa", "domains": ["web"], "documents": 5}
    made = graph(synthesis=fields | {"summary": short | {"generator": fields["qa"]["generator"]}})
    made.make("synthesis/summary/documents")
    artifact = made.artifact("synthesis/summary/documents")
    assert (artifact.manifest.figures["asked"], endpoint.prompts) == (0, [])
    said = synthesis_metadata(artifact, made.recipe.synthesis["summary"])
    assert said[LOST].startswith("0 of 5 wanted documents were asked about: web has no more")
    for each in CURATING:
        made.make(f"synthesis/summary/{each}")
    decisions = made.artifact("synthesis/summary/curated_documents").read("decisions")
    assert decisions.is_empty()


def test_completions_of_which_none_is_accepted_stop_the_run_at_once(graph, root, endpoint) -> None:
    endpoint.invents = True
    expected = (
        r"none of \d+ completions was accepted \(most often no_question\), and nothing else feeds "
        r"'qa'"
    )
    with pytest.raises(dg.Failure, match=expected):
        graph(synthesis={"qa": synthesis(endpoint.address)["qa"]}).make(NAMES[0])


def test_a_method_of_which_nothing_is_accepted_is_told_where_others_feed_its_domain(
    made, endpoint
) -> None:
    endpoint.invents = True
    made.make(NAMES[0])
    artifact = made.artifact(NAMES[0])
    assert artifact.rows("documents") == 0 < artifact.rows("rejects")
    said = synthesis_metadata(artifact, made.recipe.synthesis["qa"])
    assert said[LOST] == "no document was accepted (most often no_question)"


def asked_again(graph, endpoint: Endpoint, **generator: Any) -> Any:
    """The first method alone, put to another model."""
    fields = synthesis(endpoint.address)
    fields["qa"]["failed_share"] = 0.5
    fields["qa"]["generator"] |= {"model": "another", "concurrency": 1, **generator}
    return graph(synthesis=fields)


@pytest.mark.parametrize(
    ("how", "reason", "told"),
    [
        ("broken", "no_completion", f"answered with no chat completion: {ERROR_PAGE}"),
        ("slow", "failed", "ReadTimeout"),
    ],
)
def test_an_error_page_and_a_slow_answer_cost_themselves(
    made, graph, endpoint: Endpoint, how: str, reason: str, told: str
) -> None:
    made.make(NAMES[0])
    setattr(endpoint, how, endpoint.prompts[-1].rpartition("Passage:")[2])
    other = asked_again(graph, endpoint, timeout=0.3, attempts=1)
    other.make(NAMES[0])
    artifact = other.artifact(NAMES[0])
    (completion,) = artifact.read("rejects").filter(reason=reason)["completion"]
    assert told in completion
    assert artifact.rows("documents") > 10


def test_a_model_that_changes_ends_the_run_and_what_was_answered_is_kept(
    made, graph, endpoint: Endpoint
) -> None:
    made.make(NAMES[0])
    whole = len(endpoint.prompts)
    endpoint.prompts.clear()
    endpoint.another_model_after = 7
    other = asked_again(graph, endpoint)
    with pytest.raises(dg.Failure, match="was answered by 'm' and is now by 'n'"):
        other.make(NAMES[0])
    assert len(endpoint.prompts) == 8
    endpoint.another_model_after = 10**9
    other.make(NAMES[0])
    assert len(endpoint.prompts) == whole + 1
    assert other.artifact(NAMES[0]).rows("answers") == whole


def test_answers_that_were_cut_are_counted(made, endpoint: Endpoint) -> None:
    endpoint.truncates = True
    made.make(NAMES[0])
    figures = made.artifact(NAMES[0]).manifest.figures
    assert figures["truncated"] == figures["prompts"] == len(endpoint.prompts)


def test_a_model_that_always_declines_stops_the_run_at_once(
    graph, root, endpoint: Endpoint
) -> None:
    endpoint.declines = True
    expected = r"none of \d+ completions was accepted \(most often declined\)"
    with pytest.raises(dg.Failure, match=expected):
        graph(synthesis={"qa": synthesis(endpoint.address)["qa"]}).make(NAMES[0])
    asked = len(endpoint.prompts)
    assert asked == len(set(endpoint.prompts)), "no answer is asked for twice"


def test_of_a_seed_that_was_removed_nothing_is_made(made, graph, endpoint: Endpoint) -> None:
    made.make(NAMES[0])
    asked, whole = len(endpoint.prompts), made.artifact(NAMES[0])
    seeds = whole.read("documents")["metadata"].str.json_path_match("$.document")
    later = graph(synthesis=synthesis(endpoint.address), removed=[seeds[0]])
    later.make("documents", NAMES[0])
    fewer = later.artifact(NAMES[0])
    left = fewer.read("documents")["metadata"].str.json_path_match("$.document")
    assert seeds[0] not in left and set(left) == set(seeds) - {seeds[0]}
    assert fewer.rows("answers") == asked - 1
    assert len(endpoint.prompts) == asked, "the others were answered before"


def test_model_that_is_not_there_is_named(graph, root) -> None:
    generator = {"engine": "transformers", "model": "nowhere"}
    fields = {"method": "rephrase", "domains": ["web"], "documents": 1, "generator": generator}
    made = graph(synthesis={"said": fields})
    with pytest.raises(GenerationError, match="nowhere: there is no model's folder"):
        made.make("synthesis/said/documents")


def test_problems_from_templates_need_no_model_and_no_documents(graph, root) -> None:
    section = {"method": "templates", "problems": 60, "templates": ["arithmetic", "logic"]}
    made = graph(synthesis={"problems": section})
    made.make("synthesis/problems/documents")
    artifact = made.artifact("synthesis/problems/documents")
    figures = artifact.manifest.figures
    assert (figures["requests"], figures["tokens_out"]) == (0, 0)
    assert figures["prompts"] == 60
    assert artifact.rows("documents") + artifact.rows("rejects") == 60
    assert set(artifact.read("documents")["source"]) == {"synthetic_problems"}


def test_accepted_documents_are_judged_where_the_recipe_says_so(made, graph, endpoint) -> None:
    made.make(NAMES[0])
    plain = made.artifact(NAMES[0])
    assert not plain.has("judge_scores")
    fields = {"qa": synthesis(endpoint.address)["qa"]}
    generator = fields["qa"]["generator"] | {"model": "critic", "price_in": 1, "price_out": 1}
    fields["qa"]["judged"] = {"generator": generator, "rubric": ["it is clear"], "at_least": 3}
    other = graph(synthesis=fields)
    asked = len(endpoint.prompts)
    other.make(NAMES[0])
    artifact = other.artifact(NAMES[0])
    written, rejects, scores = map(artifact.read, ("documents", "rejects", "judge_scores"))
    # The questions are not asked again; each document is scored, and 24 pairs twice.
    assert len(endpoint.prompts) - asked == plain.rows("documents") + 2 * 24
    reasons = dict(rejects["reason"].value_counts().iter_rows())
    assert set(scores["id"]) == set(plain.read("documents")["id"])
    assert reasons["judged_down"] == scores.filter(score=2).height > 0
    assert reasons["unjudged"] == scores["score"].null_count() > 0
    assert set(written["id"]) == set(scores.filter(score=4)["id"])
    assert artifact.rows("examples") == min(written.height, EXAMPLES_KEPT)
    for identity, metadata in written.select("id", "metadata").iter_rows():
        described = json.loads(metadata)
        assert described["scores"] == {"judge": 4}
        assert described["requests"][-1] == f"judge:0:{identity}"
    assert "judged_down" in artifact.manifest.figures["checks"]
    verdicts = artifact.read("judge_verdicts")
    assert set(verdicts["verdict"]) == {"tie"} and set(verdicts["lean"]) == {2}
    said = " ".join(report_judge.lines(artifact, other.recipe.synthesis["qa"].judged))
    assert "agreed with itself in 0 of the other 24 (0%; a coin does in a half)" in said
    assert "prefers the text that it is shown first (24 of the 24 pairs that lean" in said


def test_a_judge_that_likes_nothing_stops_the_run(graph, root, endpoint: Endpoint) -> None:
    fields = {"qa": synthesis(endpoint.address)["qa"]}
    judge = {"generator": fields["qa"]["generator"], "rubric": ["it is clear"], "at_least": 5}
    fields["qa"]["judged"] = judge
    with pytest.raises(dg.Failure, match=r"none of \d+ completions was accepted"):
        graph(synthesis=fields).make(NAMES[0])


def test_a_judge_that_is_not_there_is_found_before_anything_is_asked(graph, root) -> None:
    generator = {"engine": "transformers", "model": "nowhere"}
    judge = {"generator": generator, "rubric": ["it is clear"], "at_least": 3}
    fields = {"qa": synthesis("http://127.0.0.1:9/v1")["qa"] | {"judged": judge}}
    recipe = graph(synthesis=fields).recipe
    places = [each.place for each in recipe.synthesis["qa"].findings(recipe.path)]
    assert ("judged", "generator", "model") in places


def test_conversations_with_tools_are_written_by_the_template(
    graph, root, folder, endpoint
) -> None:
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    listed = [
        {"name": f"tool_{each}", "description": "Tells of a city.", "inputSchema": parameters}
        for each in range(4)
    ]
    (folder / "server.json").write_text(json.dumps({"tools": listed}))
    generator = {"engine": "openai", "base_url": endpoint.address, "model": "oracle"}
    tools = {"python": [], "mcp": ["server.json"]}
    calls = {"method": "tool_calls", "tasks": 30, "tools": tools, "generator": generator}
    made = graph(synthesis={"calls": calls})
    assert made.recipe.has_conversations
    assert made.recipe.view.conversations == {"tool_calls"}
    documents = "synthesis/calls/documents"
    made.make(documents)
    first = made.artifact(documents)
    assert set(first.read("documents")["format"]) == {"chat"}
    for each in CURATING:
        made.make(f"synthesis/calls/{each}")
    made.make("tokenizer")
    made.make("token_shards")
    told = made.artifact("token_shards").read("conversations")
    assert told["left_out"].null_count() == told.height > 10
    assert (told["targets"] < told["tokens"]).all()
    assert (told["targets"] > 0).all()
    # The list is what the documents are made of, wherever it lies.
    (folder / "moved.json").write_text((folder / "server.json").read_text())
    moved = graph(synthesis={"calls": calls | {"tools": tools | {"mcp": ["moved.json"]}}})
    moved.make(documents)
    assert moved.artifact(documents).fingerprint == first.fingerprint
    (folder / "moved.json").write_text(json.dumps({"tools": listed[:2]}))
    moved.make(documents)
    assert moved.artifact(documents).fingerprint != first.fingerprint
