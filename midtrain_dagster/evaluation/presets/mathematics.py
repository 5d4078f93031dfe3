"""Mathematics: the survey's Table 2."""

from collections.abc import Mapping

from midtrain_dagster.evaluation.presets.preset import Preset

_REASONING = "mathematical reasoning"

PRESETS: Mapping[str, Preset] = {
    "gsm8k": Preset(
        "GSM8K",
        _REASONING,
        "openai/gsm8k, main/test-*.parquet (examples: main/train-*.parquet)",
        "a solution is written; say `examples` for five of its training split",
        "equality of the last number, as mathematics",
        "MIT",
        "Cobbe et al. 2021, arXiv 2110.14168",
        {
            "domain": "mathematics",
            "question": "question",
            "answer": "answer",
            "prompt": "gsm8k",
            "evaluate": {
                "method": "generated_answer",
                "until": ["Question:", "</s>", "<|im_end|>"],
                "most_tokens": 256,
            },
        },
        "gsm8k",
    ),
    "math": Preset(
        "MATH",
        _REASONING,
        "EleutherAI/hendrycks_math, SUBJECT/test-*.parquet",
        "a solution is written",
        "equality of what is boxed, as mathematics (math-verify)",
        "MIT",
        "Hendrycks et al. 2021, arXiv 2103.03874",
        {
            "domain": "mathematics",
            "question": "problem",
            "answer": "solution",
            "prompt": "minerva_math",
            "evaluate": {
                "method": "generated_answer",
                "until": ["Problem:"],
                "most_tokens": 1024,
            },
        },
        "minerva_math",
        missing="Minerva's four examples are not shown: say `examples`",
    ),
}
