import shutil

import pytest

from midtrain_dagster.decontamination.report_acquittals import blocks
from midtrain_dagster.evaluation.benchmark import BenchmarkError
from tests.assets.conftest import FIELDS, write_lines
from tests.vectors import static_vectors


def test_the_items_are_read_as_declared(shards) -> None:
    items = shards.artifact("benchmark_items", "riddles").read("items")
    assert items["item"].to_list() == ["1", "2", "3"]
    assert set(items["benchmark"]) == {"riddles"}
    assert items["answer"][0] == "There are 14 lanterns left"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"evaluate": {"method": "answer_likelihood", "limit": 2}}, True),
        ({"domain": "web"}, True),
        ({"paths": ["copy/riddles.jsonl"]}, True),
        ({"answer": None}, False),
        ({"question": "a"}, False),
    ],
)
def test_how_models_are_asked_is_no_cause_of_the_items(graph, folder, shards, change, same) -> None:
    (folder / "copy").mkdir(exist_ok=True)
    shutil.copy(folder / "riddles.jsonl", folder / "copy" / "riddles.jsonl")
    declared = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"} | change
    made = graph(benchmarks={"riddles": declared})
    made.make("benchmark_items")
    found = made.artifact("benchmark_items", "riddles")
    before = shards.artifact("benchmark_items", "riddles")
    assert (found.fingerprint == before.fingerprint) == same


def test_examples_of_another_file_lie_beside_the_items(graph, folder) -> None:
    """How many of them are shown is how a model is asked, and no cause of what is searched."""
    shutil.copy(folder / "riddles.jsonl", folder / "shown.jsonl")
    made = []
    for count in (1, 2):
        examples = {"paths": ["shown.jsonl"], "count": count}
        declared = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}
        shown = graph(benchmarks={"riddles": declared | {"examples": examples}})
        shown.make("benchmark_items")
        made.append(shown.artifact("benchmark_items", "riddles"))
    assert made[0].fingerprint == made[1].fingerprint
    assert made[0].read("examples")["item"].to_list() == ["1", "2", "3"]
    assert made[0].rows("items") == 3


def test_a_benchmark_without_items_is_an_error(graph, folder) -> None:
    (folder / "none.jsonl").write_text("\n")
    made = graph(benchmarks={"none": {"paths": ["none.jsonl"], "question": "q"}})
    with pytest.raises(BenchmarkError, match="none"):
        made.make("benchmark_items")


FORM = "the harbour master writes down the name of every ship that comes in before the fog does"
QUESTION = f"{FORM} and on the ninth day he counts eleven more than on the first, why is that so?"
NOTES = [f"Note {n}, of the {n}th page. {FORM}. {'It rains on the pier. ' * n}" for n in range(4)]
HELD = f"Somebody asks on a wall of this town: {QUESTION} Nobody knows. {'The wall is old. ' * 30}"


def told_apart(graph, folder, **decontamination):
    """A graph of notes, of which some begin as an item and one (of another source too) holds it."""
    write_lines(folder / "harbour.jsonl", [{"q": QUESTION}])
    write_lines(folder / "notes.jsonl", [{"text": text} for text in (*NOTES, HELD)])
    write_lines(folder / "forum.jsonl", [{"text": f"{HELD} So much for that."}, {"text": NOTES[0]}])
    sources = {
        name: {"reader": "json_lines", "domain": "web", "kind": kind, "paths": [f"{name}.jsonl"]}
        for name, kind in (("notes", "qa"), ("forum", "code"), ("web", "prose"))
    }
    made = graph(
        benchmarks={"harbour": {"paths": ["harbour.jsonl"], "question": "q"}},
        sources=sources | {"wikipedia": FIELDS["sources"]["wikipedia"]},
        decontamination=decontamination,
        curation={
            **{each: {"rules": [], "languages": "all"} for each in ("qa", "code")},
            "removal_ceiling": 1.0,
        },
        duplicates={"method": "exact"},
    )
    made.make(*made.TO_THE_SHARDS)
    return made


def of_form(made) -> dict[str, tuple[str, bool, int]]:
    """The documents with the item's first words: source, whether it is kept, and edits, by text."""
    documents = made.artifact("documents").read("documents").select("id", "text", "source")
    decisions = made.artifact("curated_documents").read("decisions")
    joined = documents.join(decisions, on="id").filter(documents["text"].str.contains(FORM))
    rows = joined.select("text", "source", "keep", "edits").iter_rows()
    return {f"{source}: {text}": (source, keep, len(edits)) for text, source, keep, edits in rows}


def test_ngrams_that_many_documents_hold_count_for_nothing(graph, folder, root) -> None:
    """They are listed, what rests on them is spared and kept, and the gate on tokens knows it."""
    made = told_apart(graph, folder, lcs_ratio=0.3, common_ngrams={"documents": 5})
    found = made.artifact("contamination", "harbour")
    assert found.rows("hits") == 2 and found.rows("spared") == 5
    common = found.read("common_ngrams")
    assert common["documents"].to_list() == [7] * 5
    assert all(text in FORM for text in common["text"])
    kept = {text: keep for text, (_, keep, _) in of_form(made).items()}
    assert all(keep for text, keep in kept.items() if text.startswith("notes: Note"))
    assert not any(keep for text, keep in kept.items() if HELD in text)
    assert made.artifact("token_shards").rows("train_index")
    made.make("preflight", "checkpoint/base")
    listed, spared = blocks({"harbour": found})
    assert listed.summary == "5 n-grams of harbour that many documents hold, no evidence"
    assert spared.summary == "5 matches with harbour that count for nothing"


def test_an_embedding_model_decides_on_doubtful_passages(graph, folder, root) -> None:
    """The gate on tokens asks it too, and another model is another cause."""
    model = static_vectors(folder, [*NOTES, QUESTION])
    look = {"embedding": str(model), "certain": 0.95, "similarity": 0.99}
    made = told_apart(graph, folder, lcs_ratio=0.3, second_look=look)
    found = made.artifact("contamination", "harbour")
    assert (
        found.rows("hits") == 2 and found.read("spared")["reason"].to_list() == ["dissimilar"] * 5
    )
    kept = {text: keep for text, (_, keep, _) in of_form(made).items()}
    assert all(keep for text, keep in kept.items() if text.startswith("notes: Note"))
    assert blocks({"harbour": found})[0].summary == "5 matches with harbour that count for nothing"
    static_vectors(folder, [*NOTES, QUESTION, "other words"])
    made.make("contamination")
    assert made.artifact("contamination", "harbour").fingerprint != found.fingerprint


def test_what_becomes_of_text_goes_by_source_and_kind(graph, folder, root) -> None:
    actions = {"kinds": {"qa": "cut_span", "code": "cut_span"}, "sources": {"forum": "flag_item"}}
    made = told_apart(graph, folder, lcs_ratio=0.9, **actions)
    assert made.artifact("contamination", "harbour").rows("hits") == 2
    decided = of_form(made)
    (cut,) = (each for text, each in decided.items() if text == f"notes: {HELD}")
    (flagged,) = (each for text, each in decided.items() if text.startswith(f"forum: {HELD}"))
    assert cut == ("notes", True, 1)
    assert flagged == ("forum", True, 0)
