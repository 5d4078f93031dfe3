"""What of a document is judged: its running prose, where its format says what that is.

Rules for web prose take code, tables, addresses and headings for what is wrong with a page, and in
a manual they are what is right. So of a document of kind ``prose`` in Markdown or reStructuredText
only the running prose is looked at: its language and its signals are those of what a page made of
it would show as sentences, a line for each paragraph, which is how Trafilatura hands over a web
page. Its length stays that of the whole, and so does its text: nothing is cut. Any other document
is judged as it stands; with ``format: plain`` a source asks for that.
"""

import polars as pl

from midtrain_dagster.curation.text.markdown import MARKDOWN
from midtrain_dagster.curation.text.markup import prose
from midtrain_dagster.curation.text.restructuredtext import RESTRUCTUREDTEXT

VERSION = 1

LANGUAGES = {"markdown": MARKDOWN, "restructuredtext": RESTRUCTUREDTEXT}


def judged(documents: pl.DataFrame) -> pl.Series:
    """The text of each document that is judged, null where it is null.

    Input columns: text, kind, format; without kind and format, texts are judged as they stand.
    """
    text = documents["text"]
    if not {"kind", "format"} <= {*documents.columns}:
        return text
    rows = documents.select("kind", "format", "text", row=pl.int_range(pl.len()))
    looked_through = []
    for format, language in LANGUAGES.items():
        written = (pl.col("kind") == "prose") & (pl.col("format") == format)
        found = rows.filter(written, pl.col("text").is_not_null())
        if found.height:
            looked_through.append(found.select("row", prose=prose(found["text"], language)))
    if not looked_through:
        return text
    joined = rows.join(pl.concat(looked_through), on="row", how="left", maintain_order="left")
    return joined.select(pl.coalesce("prose", "text").alias("text")).to_series()
