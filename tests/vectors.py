"""A small embedding model: random static vectors of the words of some texts, in WordLlama's layout;
a cosine says which words two texts share."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

SIZE = 500


def static_vectors(folder: Path, texts: Sequence[str]) -> Path:
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(vocab_size=SIZE, special_tokens=["[UNK]"])
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "words_tokenizer.json"))
    vectors = np.random.default_rng(1).normal(size=(SIZE, 64)).astype(np.float32)
    save_file({"embedding.weight": vectors}, folder / "words.safetensors")
    return folder
