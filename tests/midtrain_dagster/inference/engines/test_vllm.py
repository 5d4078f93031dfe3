"""vLLM's pipeline as Ray Data builds it; no GPU is needed for that, and none is there."""

import json
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.inference.engine import Completion, GenerationError, StreamingGenerator
from midtrain_dagster.inference.engines import openai, transformers
from midtrain_dagster.inference.engines.vllm import (
    BATCH,
    ERROR,
    Config,
    Pipeline,
    _in_order,
    kept,
    processor_config,
    sampling,
)

ASKED: dict[str, Any] = {"max_new_tokens": 4, "stop": ["\n"]}


@pytest.fixture(scope="module")
def pipeline(tiny_model: Path) -> Pipeline:
    return Pipeline(Config(model="m"), tiny_model)


def test_ray_builds_one_stage_with_what_the_recipe_says(tiny_model: Path, on_ray: OnRay) -> None:
    import ray.data
    from ray.data.llm import build_processor

    config = Config(model="m", context=512, gpus=2, replicas=3, memory_share=0.8)
    processor = build_processor(processor_config(config, tiny_model), postprocess=kept)
    assert processor.list_stage_names() == ["vLLMEngineStage"]
    stage = processor.get_stage_by_name("vLLMEngineStage")
    given = stage.fn_constructor_kwargs
    assert given["model"] == str(tiny_model)
    assert given["should_continue_on_error"] is True
    assert (
        given["engine_kwargs"].items()
        >= {
            "dtype": "bfloat16",
            "tensor_parallel_size": 2,
            "gpu_memory_utilization": 0.8,
            "max_model_len": 512,
            "enable_prefix_caching": True,
            "trust_remote_code": False,
            "task_type": "generate",
        }.items()
    )
    pool = stage.map_batches_kwargs["compute"]
    assert pool.max_size == 3
    rows = Pipeline(config, tiny_model).rows([[1, 2], [3]], ASKED)
    assert "MapBatches(vLLMEngineStageUDF)" in str(processor(ray.data.from_items(rows)))


def test_prompts_go_in_as_the_tokens_of_the_other_engine(
    pipeline: Pipeline, tiny_model: Path
) -> None:
    local = transformers.LocalTransformers(tiny_model, dtype="float32", threads=1)
    prompts = ["the <end> cat", [{"role": "user", "content": "the <end> cat"}]]
    assert pipeline.encoder.text(prompts[0]) == local.encoder.text(prompts[0])
    encoded = [pipeline.encoder.text("the cat"), [1] * 1021, [2] * 1020]
    rows = pipeline.rows(encoded, ASKED)
    assert [row["number"] for row in rows] == [0, 2], "1,024 tokens are the model's context"
    assert rows[0]["tokenized_prompt"] == local.encoder.text("the cat")
    assert rows[0]["sampling_params"] == {
        "max_tokens": 4,
        "temperature": 0.0,
        "seed": 0,
        "stop": ["\n"],
    }


def test_prompts_that_are_all_too_long_start_nothing(pipeline: Pipeline) -> None:
    made = pipeline.generate(["b " * 1100, "c " * 1100], **ASKED)
    assert [completion.fault for completion in made] == ["prompt_too_long"] * 2
    assert "with 4 new ones that exceeds the 1024" in made[0].detail


def test_a_schema_holds_the_engine() -> None:
    schema = json.dumps({"type": "object"})
    asked = sampling(max_new_tokens=9, temperature=0.7, seed=3, schema=schema)
    assert asked == {
        "max_tokens": 9,
        "temperature": 0.7,
        "seed": 3,
        "structured_outputs": {"json": schema},
    }


def test_what_comes_out_is_a_completion(pipeline: Pipeline) -> None:
    def out(text: str, tokens: list[int]) -> Completion:
        row = {
            "number": 0,
            "generated_text": text,
            "generated_tokens": tokens,
            "num_input_tokens": 7,
            "num_generated_tokens": len(tokens),
            "prompt": "left behind",
        }
        return pipeline.completion(kept(row), ASKED)

    (end,) = pipeline.ends
    other = end + 1
    assert out("ab", [other, other]) == Completion("ab", "stop", 7, 2)
    assert out("abcd", [other] * 4) == Completion("abcd", "length", 7, 4)
    assert out("abc", [other] * 3 + [end]) == Completion("abc", "stop", 7, 4)
    assert out("ab\ncd", [other] * 4) == Completion("ab", "stop", 7, 4)
    assert out("", []) == Completion("", "stop", 7, 0)
    failed = {"number": 0, ERROR: "ValueError: bad", "generated_text": ""}
    assert pipeline.completion(failed, ASKED) == Completion(
        "", fault="failed", detail="ValueError: bad"
    )


@given(st.integers(0, 50), st.integers(0, 50), st.randoms())
def test_completions_come_in_the_order_of_prompts(
    arriving: int, done: int, chance: random.Random
) -> None:
    completions = [Completion(str(number)) for number in range(arriving + done)]
    numbers = list(range(arriving + done))
    chance.shuffle(numbers)
    before = {number: completions[number] for number in numbers[:done]}
    later = [(number, completions[number]) for number in numbers[done:]]
    assert list(_in_order(len(completions), before, later)) == completions


def test_a_pipeline_that_ends_early_is_told() -> None:
    with pytest.raises(GenerationError, match="vLLM answered 1 of 3 prompts and ended"):
        list(_in_order(3, {}, [(0, Completion("a")), (2, Completion("c"))]))


def test_without_vllm_nothing_is_started(tiny_model: Path) -> None:
    assert find_spec("vllm") is None, "the project does not depend on it"
    config = Config(model=str(tiny_model))
    reasons = [finding.reason for finding in config.findings(str)]
    assert reasons[0] == "vllm is not installed here: install it, or use transformers"
    with pytest.raises(GenerationError, match="vllm is not installed here"):
        config.open(tiny_model, None)


def test_it_is_a_model_of_its_files_that_streams(pipeline: Pipeline, tiny_model: Path) -> None:
    config = Config(model=tiny_model.name)

    def find(relative: str) -> str:
        return str(tiny_model.parent / relative)

    assert config.identity(find) == transformers.Config(model=tiny_model.name).identity(find)
    assert config.folder(find) == tiny_model
    assert isinstance(pipeline, StreamingGenerator)
    assert config.has_actors and config.prompts_at_once == 8 * BATCH
    assert not openai.Config(base_url="http://h", model="m").has_actors
    assert canonical(config) == canonical(Config(model="elsewhere", gpus=4, replicas=2))
    assert canonical(config) != canonical(Config(model="m", context=512))
