"""What a reader yields: a document found, or a rejection with its reason.

Repair of text is the least that later steps need and the same for every reader: a byte order mark
at the start of a file goes, CR LF and CR become LF, NUL goes. What is more than that, a source asks
for (``repair.py``). What is not valid UTF-8 is rejected, never replaced.
"""

from typing import Any, Literal, NamedTuple

from midtrain_dagster.core.schema import Format

Reason = Literal[
    "broken_stream",  # compressed data or a WARC record that is corrupt or ends too early
    "damaged_data",  # records or lines in data that is damaged: how many is an estimate
    "unreadable_file",  # a Parquet or PDF file that is truncated or corrupt
    "unreadable_rows",  # rows in a damaged part of a Parquet file, which says how many they are
    "unreadable_page",  # a page of a PDF that is collected without it
    "missing_key",  # no such key or column
    "invalid_json",
    "invalid_xml",
    "invalid_encoding",  # not UTF-8, or not the encoding that a page or module declares
    "invalid_value",  # a value to keep that cannot be written down, such as a date out of range
    "not_text",  # the text's value is something other than a string
    "not_messages",  # what should be a conversation is none
    "not_html",  # a WARC response of another type
    "not_ok",  # a WARC response with a status other than 200
    "no_text",  # HTML in which nothing was found to extract, a PDF without a text layer
    "encrypted",  # a PDF that asks for a password
    "redirect",  # a manual page that only names another
    "blocked_domain",  # refused by its URL: the domain or one above it is listed
    "blocked_url",
    "blocked_word",  # a listed word stands in the URL
    "invalid_python",  # source code that does not parse
    "generated",  # source code that says a program wrote it
    "empty",  # nothing but white space
    "repeated",  # a WARC record that its file holds twice
    "too_large",
    "unanswered",  # a question without an answer
    "too_few",  # not enough benchmark items or pages to plant
]

TOLERATED: frozenset[Reason] = frozenset(
    {
        # what the recipe or the reader leaves out on purpose
        *("blocked_domain", "blocked_url", "blocked_word"),
        *("not_html", "not_ok", "redirect", "generated", "unanswered", "repeated"),
        # what leaves a document there: a page of it is missing; fewer of them are planted
        *("unreadable_page", "too_few"),
    }
)
"""Reasons that are counted and told, but speak of no fault in a source: they do not count against
the share of it that may be rejected. Everything else does, an empty text too: a row that holds no
text was meant to hold one, and many of them say that the text stands elsewhere."""


ESTIMATED: frozenset[Reason] = frozenset({"damaged_data"})
"""Reasons of which the number of records is an estimate."""


class Document(NamedTuple):
    """A document as its reader found it."""

    locator: str
    text: str
    format: Format
    metadata: dict[str, Any]


class Rejection(NamedTuple):
    """Something a reader could not take: where, why (a word to count by), and the error.

    ``records`` says how many records, lines or rows it stands for; more than one where a stretch of
    a file is damaged.
    """

    locator: str
    reason: Reason
    detail: str
    records: int = 1


Record = Document | Rejection


def repaired(text: str) -> str:
    """``text`` with LF line ends and without NUL."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", "") if "\0" in text else text
