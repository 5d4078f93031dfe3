"""One measured run of the signals, ours or datatrove's filters: a process of `signals`."""

from collections.abc import Callable

from benchmarks.side_by_side import run


def ours(texts: list[str]) -> Callable[[slice], object]:
    """The whole unit of work: a table of documents to the table of signals."""
    import polars as pl

    from midtrain_dagster.curation.signals.signals import SIGNALS, signals

    table = pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})
    return lambda rows: signals(table[rows], names=tuple(SIGNALS))


def datatrove(texts: list[str]) -> Callable[[slice], object]:
    """Its four families, each asked of every document; its own cache shares spaCy's words."""
    from datatrove.data import Document
    from datatrove.pipeline.filters.c4_filters import C4QualityFilter
    from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
    from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
    from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter

    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        FineWebQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
    ]

    def work(rows: slice) -> list[list[object]]:
        return [
            [each.filter(Document(text=text, id="0")) for each in filters] for text in texts[rows]
        ]

    return work


RUNS = {"ours": ours, "datatrove": datatrove}


if __name__ == "__main__":
    run(RUNS)
