from midtrain_dagster.delivery.known_sets import benchmark_sets, benchmark_titles, source_sets

RECIPE = """
sources:
  c4: {preset: c4, paths: [c4.json.gz]}
  crawl: {preset: common_crawl_wet, paths: [a.warc.wet.gz]}
  redstone: {preset: redstone_code, paths: [b.warc.wet.gz]}
  direct: {reader: parquet, paths: ["hf://datasets/HuggingFaceFW/fineweb-edu@main/data/a.parquet"]}
  own: {reader: text, paths: [notes/]}
  gone: null
benchmarks:
  mmlu: {preset: mmlu, paths: [test.parquet]}
  exam: {paths: [exam.jsonl], question: q}
"""


def test_only_what_the_recipe_names_is_known() -> None:
    assert source_sets(RECIPE) == {"c4": "allenai/c4", "direct": "HuggingFaceFW/fineweb-edu"}
    assert benchmark_sets(RECIPE) == {"mmlu": "cais/mmlu"}
    assert benchmark_titles(RECIPE) == {"mmlu": "MMLU"}
    assert source_sets("name: x") == benchmark_sets("benchmarks:\n") == {}
