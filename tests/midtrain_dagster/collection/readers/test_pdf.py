import ctypes
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pypdfium2 import raw

from midtrain_dagster.collection.readers import pdf
from midtrain_dagster.collection.readers.pdf import joined_pages

LINES = [
    "The sea otter keeps a favourite stone in a pocket of loose skin, and with it opens mus-",
    "sels while it floats on its back among the kelp. It is a well-known habit, and a well-",
    "known sight.",
]


def written(pages: list[list[str]]) -> bytes:
    """A PDF of lines of text in Helvetica, made by PDFium."""
    document = pypdfium2.PdfDocument.new()
    for lines in pages:
        page = document.new_page(600, 300)
        for number, line in enumerate(lines):
            text = raw.FPDFPageObj_NewTextObj(document, b"Helvetica", 12.0)
            characters = (line + "\0").encode("utf-16-le")
            raw.FPDFText_SetText(text, ctypes.cast(characters, raw.FPDF_WIDESTRING))
            raw.FPDFPageObj_Transform(text, 1, 0, 0, 1, 30, 270 - 24 * number)
            raw.FPDFPage_InsertObject(page, text)
        page.gen_content()
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def otters() -> bytes:
    heads = [["Sea Otters", f"- {number} -"] for number in range(1, 5)]
    return written([[head, *LINES, page] for head, page in heads])


def test_pages_are_joined_without_their_running_heads(
    tmp_path: Path, collect: Callable[..., Any], otters: bytes
) -> None:
    (tmp_path / "a.pdf").write_bytes(otters)
    collected = collect(reader="pdf", paths=["."], boilerplate={"minimum_pages": 3, "lines": 1})
    text = (
        "The sea otter keeps a favourite stone in a pocket of loose skin, and with it opens "
        "mussels while it floats on its back among the kelp. It is a well-known habit, and a "
        "well-known sight."
    )
    assert collected.texts == {"a.pdf": "\n".join([text] * 4)}
    assert collected.documents["metadata"].item() == '{"boilerplate_lines": 8, "pages": 4}'
    plain = collect(reader="pdf", paths=["."])
    assert plain.texts["a.pdf"].count("Sea Otters") == 4


def encrypted(data: bytes) -> bytes:
    """The file, saying that it is encrypted with a password that nobody has."""
    start = data.rindex(b"trailer")
    trailer = (
        b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <"
        + b"41" * 32
        + b"> /U <"
        + b"42" * 32
        + b"> /P -4 >> /ID [<"
        + b"43" * 16
        + b"> <"
        + b"43" * 16
        + b">] "
    )
    return data[:start] + data[start:].replace(b"/Size", trailer + b"/Size", 1)


def test_files_that_cannot_be_taken_are_rejected(
    tmp_path: Path, collect: Callable[..., Any], otters: bytes
) -> None:
    blank = BytesIO()
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 200)
    document.save(blank)
    files = {
        "a_good.pdf": otters,
        "blank.pdf": blank.getvalue(),
        "empty.pdf": b"",
        "locked.pdf": encrypted(otters),
        "not.pdf": b"not a PDF",
        "truncated.pdf": otters[: len(otters) // 3],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    collected = collect(reader="pdf", paths=["."])
    assert list(collected.texts) == ["a_good.pdf"]
    assert collected.reasons == {
        "blank.pdf": "no_text",
        "empty.pdf": "unreadable_file",
        "locked.pdf": "encrypted",
        "not.pdf": "unreadable_file",
        "truncated.pdf": "unreadable_file",
    }
    assert "character recognition is not done" in collected.detail("blank.pdf")
    large = collect(reader="pdf", paths=["a_good.pdf"], max_document_bytes=300)
    assert large.reasons == {"a_good.pdf": "too_large"}


def test_pages_that_cannot_be_loaded_are_told_beside_the_document(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    whole = written([["Otters float."], ["Kelp sways."]])
    (tmp_path / "a.pdf").write_bytes(whole[::-1].replace(b"egaP/epyT/", b"egiP/epyT/", 1)[::-1])
    collected = collect(reader="pdf", paths=["."])
    assert collected.texts == {"a.pdf": "Otters float."}
    assert '"unreadable_pages": [2]' in collected.documents["metadata"].item()
    assert collected.reasons == {"a.pdf:2": "unreadable_page"}


def test_lines_become_paragraphs() -> None:
    # Change VERSION when this changes.
    pages = [
        "1.1 Otters . . . . . . . . . . . . . . . . . . . . . . . . . . 2\n"
        "1.2 Kelp . . . . . . . . . . . . . . . . . . . . . . . . . . . 3\n",
        "Otters\nA manage\ufffement of multi\ufffethreaded kelp, of which management is one and\n"
        "another is care.\nA heading\n\u2022 a line about as long as a line may be\n"
        "\u2022 another\n\n\u6d77\u737a\u306f\n",
        "a multi-threaded end",
    ]
    assert pdf.VERSION == 3
    assert joined_pages(pages) == (
        "1.1 Otters . . . . . . . . . . . . . . . . . . . . . . . . . . 2\n"
        "1.2 Kelp . . . . . . . . . . . . . . . . . . . . . . . . . . . 3\n"
        "Otters\nA management of multi-threaded kelp, of which management is one and "
        "another is care.\nA heading\n\u2022 a line about as long as a line may be\n"
        "\u2022 another\n\n\u6d77\u737a\u306f\na multi-threaded end"
    )
    assert joined_pages([]) == ""
