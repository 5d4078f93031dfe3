from pathlib import Path

import pytest

from midtrain_dagster.evaluation.report_samples import samples_section
from midtrain_dagster.evaluation.samples import continue_prompts, sample


def continued_by_hand(model: Path, prompt: list[int], tokens: int) -> list[int]:
    """Greedy decoding without a cache: the likeliest token, one forward pass each."""
    import torch
    from transformers import AutoModelForCausalLM

    llama = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    read = list(prompt)
    with torch.no_grad():
        while len(read) < len(prompt) + tokens and read[-1] != 0:
            read.append(int(llama(torch.tensor([read])).logits[0, -1].argmax()))
    return read[len(prompt) :]


def test_continues_held_out_documents_and_shows_how_they_go_on(
    model: Path, held_out_folder: Path
) -> None:
    from transformers import AutoTokenizer

    from midtrain_dagster.tokens.splits import open_shards

    asked = {"dtype": "<u2", "checkpoint": "annealed", "window": 48, "prompts": [], "tokens": 20}
    domains = ["code", "mathematics", "web"]
    made = sample(model=model, shards=held_out_folder, domains=domains, **asked)["samples"]
    # Of `code` the first document is too short to go on for 20 tokens: the second is taken.
    assert made["origin"].to_list() == ["code", "web"]
    shards, tokenizer = (
        open_shards(held_out_folder, dtype="<u2"),
        AutoTokenizer.from_pretrained(model),
    )
    for domain, row in zip(("code", "web"), made.iter_rows(named=True), strict=True):
        document = int(shards.documents_of(domain)[0 if domain == "web" else 1])
        tokens = shards.tokens(document, 0, 48).tolist()
        assert row["prompt"] == tokenizer.decode(tokens[:28])
        assert row["document"] == tokenizer.decode(tokens[28:])
        by_hand = continued_by_hand(model, tokens[:28], 20)
        assert row["continuation"] == tokenizer.decode(by_hand, skip_special_tokens=True)
    section = samples_section(made)
    assert [type(block).__name__ for block in section.blocks[:3]] == ["Text", "Text", "Table"]


def test_a_prompt_of_the_recipe_keeps_what_fits(model: Path, held_out_folder: Path) -> None:
    from transformers import AutoTokenizer

    text = "The boys are seen outside again " * 20
    asked = {"dtype": "<u2", "checkpoint": "base", "window": 30, "tokens": 1000, "domains": []}
    made = sample(model=model, shards=held_out_folder, prompts=[text], **asked)["samples"]
    tokenizer = AutoTokenizer.from_pretrained(model)
    (row,) = made.iter_rows(named=True)
    assert row["document"] is None
    assert row["prompt"] == tokenizer.decode(tokenizer(text)["input_ids"][-10:])
    assert (
        row["continuation"] == continue_prompts(model, [tokenizer(text)["input_ids"][-10:]], 20)[0]
    )


@pytest.mark.parametrize("blank", ["", "   "])
def test_the_report_says_what_cannot_be_seen(blank: str) -> None:
    import polars as pl

    from midtrain_dagster.evaluation.samples import SAMPLES

    row = {"checkpoint": "base", "origin": "web", "prompt": "a", "continuation": blank}
    (_, _, table) = samples_section(pl.DataFrame([row | {"document": None}], schema=SAMPLES)).blocks
    shown = table.rows[0][1].text  # type: ignore[union-attr]
    assert shown == (f"{len(blank)} characters of white space" if blank else "nothing")
