import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.synthesis.config import SynthesisMethod
from midtrain_dagster.synthesis.methods import question_answer, rephrase

FIELDS = {
    "domains": ["web"],
    "documents": 3,
    "generator": {"engine": "transformers", "model": "m"},
}


def test_method_decides_the_section() -> None:
    adapter: TypeAdapter = TypeAdapter(SynthesisMethod)
    asked = adapter.validate_python({"method": "question_answer", **FIELDS})
    assert isinstance(asked, question_answer.Config)
    assert (asked.domain, asked.passage_bytes) == ("qa", 400)
    said = adapter.validate_python({"method": "rephrase", **FIELDS})
    assert isinstance(said, rephrase.Config)
    assert said.domain == "rephrased"
    with pytest.raises(ValidationError, match="'question_answer', 'rephrase'"):
        adapter.validate_python({"method": "translate", **FIELDS})
