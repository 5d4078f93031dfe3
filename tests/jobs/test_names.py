"""A job is called after what it does, and no two are called the same."""

import dagster as dg

from jobs.names import job_names


def spec(name: str, group: str) -> dg.AssetSpec:
    return dg.AssetSpec(["tiny", *name.split("/")], group_name=group)


def test_names_are_of_the_groups_in_order_the_first_and_last_of_many() -> None:
    groups = ("collection", "curation", "curation", "synthesis_qa")
    several = [spec(f"a{n}", group) for n, group in enumerate(groups)]
    many = [*several, spec("c", "tokens"), spec("d", "report")]
    names = job_names([(False, several), (False, many)])
    assert names == ["collect_curate_and_synthesise", "collect_to_report"]


def test_names_of_partitioned_assets_are_what_is_done_by_benchmark() -> None:
    scans = [spec("contamination", "decontamination")]
    synthetic = [spec(f"synthesis/{name}/contamination", "decontamination") for name in "ab"]
    jobs = [(True, scans), (True, synthetic), (True, [spec("own", "decontamination")])]
    assert job_names(jobs) == [
        "scan_for_benchmarks",
        "scan_synthetic_documents_for_benchmarks",
        "own",
    ]


def test_names_that_would_be_one_are_told_apart_by_what_is_made() -> None:
    jobs = [(False, [spec(name, "report")]) for name in ("a", "b/c", "d")]
    assert job_names(jobs) == ["report", "report_b_c", "report_d"]
