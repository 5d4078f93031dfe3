"""A PDF, opened: its pages by number, as the text layer that they carry and as images.

PDFium reads what is damaged as far as it goes; what it cannot open at all, or not without a
password, is a rejection of the file.
"""

from io import BytesIO
from typing import TYPE_CHECKING

from midtrain_dagster.collection.record import Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument


def opened(file: SourceFile) -> "PdfDocument | Rejection":
    """The document of a file, which is to be closed; or why there is none.

    Raises OSError when the storage fails.
    """
    import pypdfium2

    with file.open() as handle:
        data = handle.read()
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        encrypted = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        return Rejection(file.name, "encrypted" if encrypted else "unreadable_file", str(error))


def text_layer(pdf: "PdfDocument", number: int) -> str:
    """The text that a page carries, by lines as PDFium has them; ``number`` is from 0.

    Raises pypdfium2.PdfiumError for a page that cannot be loaded.
    """
    page = pdf[number]
    try:
        return repaired(page.get_textpage().get_text_range(errors="ignore"))
    finally:
        page.close()


def image(pdf: "PdfDocument", number: int, pixels: int) -> bytes:
    """A page as a grey PNG whose longer side has so many pixels; ``number`` is from 0.

    Raises pypdfium2.PdfiumError for a page that cannot be loaded.
    """
    page = pdf[number]
    try:
        scale = pixels / max(*page.get_size(), 1.0)
        picture = page.render(scale=scale, grayscale=True).to_pil()
    finally:
        page.close()
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
