"""Raters by name: trained on sources, given as a file, learnt from labels or a judge, combined."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

TO_THE_RATINGS = ("benchmark_items", "documents", "signals")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Static vectors of a few words, as WordLlama's are stored."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "the", "of", "and", "in", "was", "I", "you", "is", "it", "we", "a"]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    folder = tmp_path_factory.mktemp("vectors")
    tokenizer.save(str(folder / "tokenizer.json"))
    matrix = np.random.default_rng(1).normal(size=(len(words), 8)).astype(np.float32)
    save_file({"embedding.weight": matrix}, folder / "vectors.safetensors")
    return folder


def test_several_raters_side_by_side(graph, folder, vectors, tmp_path) -> None:
    lines = [json.loads(line) for line in (folder / "web.jsonl").read_text().splitlines()]
    labels = tmp_path / "labels.jsonl"
    rows = [{"text": line["text"], "label": number % 6} for number, line in enumerate(lines)]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    raters = {
        "quality": {"method": "fasttext", "positives": ["wikipedia"], "negatives": ["web"]},
        "useful": {"method": "embedding", "embedding": str(vectors), "labels": str(labels)},
        "best": {"method": "combination", "of": ["quality", "useful"], "bins": 20},
    }
    made = graph(raters=raters)
    made.make(*TO_THE_RATINGS, "rater/quality", "rater/useful", "ratings")
    rated = made.artifact("ratings").read("ratings")
    assert rated.columns == ["id", "quality", "useful", "best", "error"]
    assert rated["error"].null_count() == rated.height == 120
    assert rated["useful"].is_between(0, 5).all()
    assert set(rated["best"]) <= set(range(20)) and rated["best"].max() == 19
    assert made.artifact("rater/useful").rows("examples") == 60

    # A given model is the trained one under another name: it rates alike.
    (model,) = made.artifact("rater/quality").parts("model")
    given = made.artifacts.store().storage.uri(model.path)
    again = graph(raters={"quality": {"method": "fasttext", "given": given}})
    again.make("ratings")
    assert again.artifact("ratings").read("ratings").equals(rated.select("id", "quality", "error"))


def test_a_judge_is_asked_and_its_odd_answers_are_kept_apart(
    graph, vectors, tmp_path, endpoint
) -> None:
    generator = {"engine": "openai", "base_url": endpoint, "model": "judge"}
    judge = {"generator": generator, "documents": 30, "sources": ["wikipedia"]}
    raters = {
        "style": {
            "method": "pairwise",
            "embedding": str(vectors),
            "criterion": "writing_style",
            "judge": judge,
            "pairs": 40,
        }
    }
    made = graph(raters=raters)
    made.make(*TO_THE_RATINGS, "rater/style", "ratings")
    rater = made.artifact("rater/style")
    assert rater.rows("examples") + rater.rows("rejects") == 40
    assert rater.rows("rejects") > 0
    judged = rater.read("examples")
    documents = made.artifact("documents").read("documents").filter(source="wikipedia")
    assert set(judged["a"]) <= set(documents["id"])
    assert made.artifact("ratings").read("ratings")["style"].null_count() == 0
    metrics = dict(rater.read("judge").iter_rows())
    assert metrics["pairs_asked"] == 40
    assert pl.Series(judged["preference"]).is_in([0.0, 0.5, 1.0]).all()


@pytest.fixture
def endpoint():
    """A judge that prefers the longer text, and now and then answers at length."""
    import re
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Judge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = body["messages"][-1]["content"]
            first, second = re.search(r"(?s)\[A\]\n(.*?)\n\n\[B\]\n(.*?)\n\n", prompt).groups()
            answer = "A" if len(first) > len(second) else "B"
            if min(len(first), len(second)) % 9 == 0:
                answer = "It depends."
            reply = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Judge) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()
