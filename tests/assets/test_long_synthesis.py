"""A method that asks nobody, and one whose seeds are files, in the graph."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from tests.endpoint import Endpoint

PAGE = (
    "The sea otter keeps a favourite stone in a pocket of loose skin, and with it",
    "opens mussels while it floats on its back among the kelp near the shore.",
)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        server.sees = lambda image, seed: "# Otters\n\n" + " ".join(PAGE)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def made(graph: Any, endpoint: Endpoint, tmp_path: Path) -> Any:
    with PdfPages(tmp_path / "otters.pdf") as pdf:
        page = Figure(figsize=(7, 3))
        for number, line in enumerate(("Otters", *PAGE)):
            page.text(0.05, 0.9 - 0.15 * number, line)
        pdf.savefig(page)
    (tmp_path / "damaged.pdf").write_bytes(b"%PDF-1.4\nno more")
    generator = {"engine": "openai", "base_url": endpoint.address, "model": "eyes"}
    synthesis = {
        "counted": {
            **{"method": "counting", "domains": ["web", "wikipedia"], "documents": 4},
            **{"minimum_bytes": 200, "words": 2, "least": 2, "letters": 3},
        },
        "parsed": {
            **{"method": "document_parsing", "paths": [str(tmp_path / "*.pdf")], "documents": 5},
            "generator": generator,
        },
    }
    small = graph(synthesis=synthesis, benchmarks={}, raters={})
    small.make("documents", "language", "signals", "signatures", "duplicate_edges", "eligibility")
    small.make("duplicate_clusters", "curated_documents")
    return small


def test_what_asks_nobody_and_what_reads_files_are_made_of_what_there_is(
    made: Any, endpoint: Endpoint
) -> None:
    made.make("synthesis/counted/documents", "synthesis/parsed/documents")
    kept = {document for name in ("web", "wikipedia") for document in _kept(made, name)}
    counted = made.artifact("synthesis/counted/documents").read("documents")
    assert counted.height == 4
    for metadata in counted["metadata"]:
        assert json.loads(metadata)["seeds"][0]["document"] in kept
    artifact = made.artifact("synthesis/parsed/documents")
    (parsed,) = artifact.read("documents").rows(named=True)
    assert parsed["text"] == "# Otters\n\n" + " ".join(PAGE)
    rejects = artifact.read("rejects")
    assert rejects.select("id", "reason").rows() == [("damaged.pdf", "unreadable_file")]
    assert len(endpoint.prompts) == 1
    assert made.recipe.view.generated == {"parsed"}


def _kept(made: Any, domain: str) -> list[str]:
    decisions = made.artifact("curated_documents").read("decisions").filter("keep")
    documents = made.artifact("documents").read("documents").filter(domain=domain)
    return documents.join(decisions, on="id", how="semi")["id"].to_list()
