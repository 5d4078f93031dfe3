"""Real PDFs by matplotlib and PDFium, and a server on loopback that speaks the protocol."""

import json
import threading
from collections.abc import Callable, Iterator
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pydantic import ValidationError

from midtrain_dagster.collection import pdf_file
from midtrain_dagster.core.artifacts import scan_parts
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.core.source_file import local_file
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.inference.batches import stream_table
from midtrain_dagster.inference.engine import GenerationError
from midtrain_dagster.inference.prompt_tokens import prompt_tokens
from midtrain_dagster.synthesis.answers import Answers
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods.document_parsing import VERSION, Config
from tests.endpoint import Endpoint

GOLDEN = (1, "8127933d677eaf50")

PAGES_READ = (
    "# Sea otters\n\nThe sea otter keeps a favourite stone in a pocket of loose skin, and with it "
    "opens mussels while it floats on its back among the kelp, as $E = mc^2$ does not say",
    "and it is a well known sight on that coast.\n\n| animal | kilograms |\n|---|---|\n| otter | "
    "45 |\n| seal | 140 |\n\nThe table shows how heavy two of the animals become in the bay.",
)
"""What a model writes of the two pages, whose lines are below."""
LINES = (
    (
        "Sea otters",
        "The sea otter keeps a favourite stone in a pocket of loose skin, and with it opens mus-",
        "sels while it floats on its back among the kelp, as E = mc2 does not say",
    ),
    (
        "and it is a well known sight on that coast.",
        "animal kilograms",
        "otter 45",
        "seal 140",
        "The table shows how heavy two of the animals become in the bay.",
    ),
)


def drawn(path: Path, pages: Any = LINES, *, scanned: bool = False) -> None:
    """A PDF of lines of text, or of pictures of them."""
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    with PdfPages(path) as pdf:
        for lines in pages:
            page = Figure(figsize=(7, 3), dpi=80)
            for number, line in enumerate(lines):
                page.text(0.05, 0.9 - 0.12 * number, line, fontsize=9)
            if scanned:
                buffer = BytesIO()
                page.savefig(buffer, format="raw")
                pixels = bytes(buffer.getvalue())
                page = Figure(figsize=(7, 3), dpi=80)
                page.figimage(_array(pixels))
            pdf.savefig(page)


def _array(pixels: bytes) -> Any:
    import numpy as np

    return np.frombuffer(pixels, np.uint8).reshape(240, 560, 4)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def parse(tmp_path: Path, endpoint: Endpoint) -> Callable[..., Made]:
    """Parses the PDFs of a folder by an endpoint that says what ``read`` has for each page."""

    def run(read: dict[str, Any], **fields: Any) -> Made:
        config = method(endpoint, tmp_path, **fields)
        images = dict(seen(tmp_path, config.pixels))
        shown: dict[bytes, int] = {}

        def sees(image: bytes, seed: int) -> str:
            place = images[image]
            shown[image] = seed
            said = read[place]
            return said if isinstance(said, str) else said[seed]

        endpoint.sees = sees
        answers = Answers(Storage(root=str(tmp_path / "store")), "it", stream_table)
        collector = Collector(config, source="synthetic_pdf", written_by="eyes")
        documents = config.choose(DOCUMENTS.to_frame())
        return drive(config.make(documents, collector), lambda rows, how, _: answers.ask(rows, how))

    return run


def method(endpoint: Endpoint, folder: Path, **fields: Any) -> Config:
    generator = {"engine": "openai", "base_url": endpoint.address, "model": "eyes", "attempts": 1}
    asked = {"paths": [str(folder)], "documents": 9, "generator": generator, "pixels": 300}
    return Config(**{**asked, **fields})


def seen(folder: Path, pixels: int) -> Iterator[tuple[bytes, str]]:
    """Each page's images, with ``FILE:PAGE``."""
    for path in sorted(folder.glob("*.pdf")):
        pdf = pdf_file.opened(local_file(path.name, path))
        if not isinstance(pdf, pypdfium2.PdfDocument):
            continue
        for number in range(len(pdf)):
            for size in (pixels, round(0.75 * pixels)):
                yield pdf_file.image(pdf, number, size), f"{path.name}:{number + 1}"


def test_pages_that_agree_with_their_text_layer_become_a_document(tmp_path: Path, parse) -> None:
    drawn(tmp_path / "a.pdf")
    made = parse({"a.pdf:1": PAGES_READ[0], "a.pdf:2": f"```markdown\n{PAGES_READ[1]}\n```"})
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"] == f"{PAGES_READ[0]} {PAGES_READ[1]}"
    assert (row["format"], row["kind"], row["domain"]) == ("markdown", "prose", "parsed")
    metadata = json.loads(row["metadata"])
    assert metadata["pages"] == {"first": 1, "last": 2, "of": 2}
    assert (metadata["tables"], metadata["formulas"], metadata["read_twice"]) == (1, 1, 0)
    assert metadata["seeds"] == [{"name": "a.pdf:1"}, {"name": "a.pdf:2"}]
    assert metadata["scores"]["words"] > 0.85
    assert (made.first, made.asked) == (2, 2)
    # Bump VERSION when this changes: stored documents were made by the old method.
    told = [made.accepted.documents.rows(), made.accepted.rejects.rows()]
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN


def test_a_store_keeps_no_image_and_finds_the_answer_again(tmp_path: Path, parse) -> None:
    drawn(tmp_path / "a.pdf")
    read = {"a.pdf:1": PAGES_READ[0], "a.pdf:2": PAGES_READ[1]}
    made = parse(read)
    storage = Storage(root=str(tmp_path / "store"))
    prompts = scan_parts(storage, list(made.answers)).collect()["prompt"].to_list()
    assert all(len(each) < 1000 and "data:image/png;base64," in each for each in prompts)
    assert len(set(prompts)) == 2
    again = parse({}, agreement=0.7)
    assert again.found == 2
    assert again.accepted.documents["text"].to_list() == made.accepted.documents["text"].to_list()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (" ", "empty"),
        (f"Here is the text of the page: {PAGES_READ[0]}", "remark"),
        ("The sea otter keeps a favourite stone. " * 9, "loop"),
        (f"{PAGES_READ[0]}\n\n| a | b |\n|---|\n| 1 |", "broken_table"),
        (PAGES_READ[0].replace("^2$", "^2"), "unbalanced_formula"),
        (PAGES_READ[0].replace("mussels", "tins").partition("while")[0], "differs_from_text_layer"),
        (" ".join(sorted(PAGES_READ[0].replace("$", "").split())), "differs_from_text_layer"),
    ],
)
def test_a_page_that_is_lost_has_its_reason_and_parts_the_document(
    tmp_path: Path, parse, said: str, reason: str
) -> None:
    drawn(tmp_path / "a.pdf", [LINES[1], LINES[0], LINES[1]])
    read = {"a.pdf:1": PAGES_READ[1], "a.pdf:2": said, "a.pdf:3": PAGES_READ[1]}
    made = parse(read)
    assert made.accepted.rejects.select("id", "reason").rows() == [("a.pdf:2", reason)]
    pages = [json.loads(each)["pages"] for each in made.accepted.documents["metadata"]]
    assert pages == [{"first": n, "last": n, "of": 3} for n in (1, 3)]


def test_a_scanned_page_is_read_twice(tmp_path: Path, parse) -> None:
    drawn(tmp_path / "scan.pdf", scanned=True)
    other = PAGES_READ[1].replace("otter", "sea lion").replace("seal", "walrus")
    changed = "Something else stands there in the second reading of this page, as it seems."
    made = parse({"scan.pdf:1": [PAGES_READ[0]] * 2, "scan.pdf:2": [PAGES_READ[1], other]})
    (row,) = made.accepted.documents.rows(named=True)
    assert json.loads(row["metadata"])["read_twice"] == 2
    assert (made.first, made.asked) == (2, 4)
    lost = parse({"scan.pdf:1": [PAGES_READ[0]] * 2, "scan.pdf:2": ["", changed]}, pixels=320)
    assert lost.accepted.rejects["reason"].to_list() == ["empty"]
    differ = parse(
        {"scan.pdf:1": [PAGES_READ[0], changed], "scan.pdf:2": [PAGES_READ[1]] * 2}, pixels=340
    )
    assert differ.accepted.rejects["reason"].to_list() == ["readings_differ"]
    assert differ.accepted.documents.height == 1


def test_files_that_cannot_be_shown_cost_themselves(tmp_path: Path, parse, monkeypatch) -> None:
    drawn(tmp_path / "good.pdf")
    (tmp_path / "damaged.pdf").write_bytes((tmp_path / "good.pdf").read_bytes()[:100])
    (tmp_path / "nothing.pdf").write_bytes(b"")
    drawn(tmp_path / "long.pdf", [["one of four pages"]] * 4)
    (tmp_path / "huge.pdf").write_bytes(b"%PDF-1.4\n" + b" " * 70_000)
    monkeypatch.setattr("midtrain_dagster.synthesis.methods.document_parsing.LARGEST_FILE", 60_000)
    made = parse({"good.pdf:1": PAGES_READ[0], "good.pdf:2": PAGES_READ[1]}, pages=3)
    assert made.accepted.documents.height == 1
    assert dict(made.accepted.rejects.select("id", "reason").iter_rows()) == {
        "damaged.pdf": "unreadable_file",
        "nothing.pdf": "unreadable_file",
        "long.pdf": "too_many_pages",
        "huge.pdf": "too_large",
    }


def test_local_engines_are_refused_before_anything_is_asked(endpoint, tmp_path: Path) -> None:
    local = {"engine": "transformers", "model": "m"}
    with pytest.raises(ValidationError, match="is shown no images: name an endpoint"):
        method(endpoint, tmp_path, generator=local)
    url = {"url": "data:image/png;base64,AA=="}
    shown = [{"role": "user", "content": [{"type": "image_url", "text": None, "image_url": url}]}]
    encoder: Any = None  # it is refused before it is encoded
    with pytest.raises(GenerationError, match="m: a local model is shown no images"):
        prompt_tokens(encoder, shown, Path("m"))


def test_files_are_causes_wherever_they_lie(endpoint, tmp_path: Path) -> None:
    drawn(tmp_path / "a.pdf")
    config = method(endpoint, tmp_path, paths=["*.pdf"])
    find = lambda path: str(tmp_path / path)  # noqa: E731
    (cause,) = config.given(find)["files"]
    assert cause["name"] == "a.pdf"
    assert config.located(find).paths == [str(tmp_path / "*.pdf")]
    assert not list(config.findings(find))
    missing = method(endpoint, tmp_path, paths=["b.pdf"])
    assert [each.place for each in missing.findings(find)] == [("paths", 0)]
