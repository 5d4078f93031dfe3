"""The front matter of a model card, as the hub reads it: made by the hub's own library.

Only what a lineage knows stands in it. ``license`` is that of the weights, which nobody has said:
``unknown``, the hub's word for it. Results are those of the checkpoint on the recipe's benchmarks,
each with its standard error as a metric of its own, as lm-evaluation-harness writes them.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

LEAST = 0.01
"""The share of the prose from which a language is listed."""

TAGS = ["mid-training", "midtrain-dagster"]


def front_matter(
    model: str,
    *,
    base: str | None,
    datasets: Sequence[str],
    languages: pl.DataFrame | None,
    scores: pl.DataFrame | None,
    titles: Mapping[str, str],
    sets: Mapping[str, str],
) -> str:
    """The YAML between the card's lines of dashes.

    ``base`` is the hub id of what was trained on from, ``datasets`` those of sources, ``languages``
    the pool's (``data_used.LANGUAGES``), ``scores`` the checkpoint's (``harness.SCORES``);
    ``titles`` and ``sets`` say what benchmarks are called and which data set of the hub they are.
    """
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=sets.get(benchmark, benchmark),
            dataset_name=titles.get(benchmark, benchmark),
            metric_type=metric,
            metric_name=name,
            metric_value=value,
        )
        for benchmark, metric, name, value in _results(scores)
    ]
    data = ModelCardData(
        model_name=model if results else None,
        license="unknown",
        base_model=base,
        datasets=list(dict.fromkeys(datasets)) or None,
        language=_listed(languages) or None,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=TAGS,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _results(scores: pl.DataFrame | None) -> Iterator[tuple[str, str, str, float]]:
    """Benchmark, metric, its name in words, and value; errors follow their metric."""
    if scores is None:
        return
    # A broken model's figures are no numbers, which the hub does not take.
    for row in scores.filter(pl.col("value").is_finite()).iter_rows(named=True):
        words = f"{row['metric']} ({row['unit']}, {row['items']:,} items)"
        yield row["benchmark"], row["metric"], words, round(row["value"], 6)
        if row["stderr"] is not None:
            metric = f"{row['metric']}_stderr"
            yield row["benchmark"], metric, f"standard error of {words}", round(row["stderr"], 6)


def _listed(languages: pl.DataFrame | None) -> list[str]:
    if languages is None:
        return []
    told = languages.filter(pl.col("language").is_not_null(), pl.col("language") != "und")
    return told.filter(pl.col("share") >= LEAST)["language"].to_list()
