import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.inference.engines import openai, transformers, vllm
from midtrain_dagster.inference.generator import GeneratorConfig


def test_the_engine_decides_the_section() -> None:
    adapter: TypeAdapter = TypeAdapter(GeneratorConfig)
    local = adapter.validate_python({"engine": "transformers", "model": "m"})
    assert local == transformers.Config(model="m", dtype="bfloat16", batch_size=16)
    with pytest.raises(ValidationError, match="base_url"):
        adapter.validate_python({"engine": "openai", "model": "m"})
    with pytest.raises(ValidationError, match="engine"):
        adapter.validate_python({"engine": "sglang", "model": "m"})
    remote = adapter.validate_python({"engine": "openai", "model": "m", "base_url": "http://h/v1"})
    assert isinstance(remote, openai.Config)
    gpus = adapter.validate_python({"engine": "vllm", "model": "m"})
    assert isinstance(gpus, vllm.Config)
