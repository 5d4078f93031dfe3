"""Nemotron-CC's five tasks (Su et al. 2024, arXiv 2412.02595, section 2.3), with the lengths and
filters of its published pipeline (NeMo Curator, ``stages/synthetic/nemotron_cc``).

A document is cut at the ends of lines; neighbours are joined up to the task's greatest length, and
what is shorter than its least is left out. Then, by task:

- *wikipedia* (for poor text): marks of Markdown and quotation marks around go, segments of a
  document are joined again, and one of fewer than 50 tokens goes;
- *diverse_qa*: the pairs are shuffled, and of ``n`` between 1 and ten for each 150 tokens of the
  segment that many stay, behind the segment; 100 tokens at least;
- *distill*, *extract_knowledge*: labels go; 50 tokens at least;
- *knowledge_list*: a first line that is no item goes, and so do the bullets.

There a token is the generator's and here four bytes, and the pipeline looks at none of the facts;
numbers, names and grounded answers are ours.
"""

import re

from midtrain_dagster.core import draws
from midtrain_dagster.synthesis import pairs
from midtrain_dagster.synthesis.fidelity import Bounds
from midtrain_dagster.synthesis.pairs import grounded_pairs, read_pairs
from midtrain_dagster.synthesis.styles import style
from midtrain_dagster.synthesis.styles.passages_shown import CURIE, DANUBE, LIBRARY
from midtrain_dagster.synthesis.styles.style import BYTES_PER_TOKEN, Form, Style, finished

VERSION = 1
USES = (style, pairs, draws)

PAIRS_EACH, OF_TOKENS = 10, 150

_MARKS = re.compile(r"\*\*|__|^#{1,6} +|^[*+-] +(?=\S)|`", re.MULTILINE)
_LABELS = re.compile(r"^\W{0,3}passage ?\d{0,2}\W{0,3}:[ \t]*", re.IGNORECASE | re.MULTILINE)
_ITEM = re.compile(r"[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(\S.*)")


def prose(answer: str, _passage: str) -> Form:
    """Without Markdown and labels; its last line ends as a sentence does."""
    text = _MARKS.sub("", answer).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    text = _LABELS.sub("", text).strip()
    return Form(text, text, None if finished(text) else "unfinished")


def several_pairs(answer: str, passage: str) -> Form:
    """The passage, and as many of its grounded pairs as its length allows, in a drawn order."""
    sound = grounded_pairs(answer, passage)
    if not sound:
        return Form(answer, answer, "not_grounded" if read_pairs(answer) else "malformed")
    most = max(1, PAIRS_EACH * (len(passage.encode()) // BYTES_PER_TOKEN) // OF_TOKENS)
    order = sorted(sound, key=lambda pair: draws.place(f"{passage}\n{pair.question}", 0))
    kept = order[: 1 + draws.place(passage, 1) % most]
    said = " ".join(f"{pair.question} {pair.answer}" for pair in sound)
    return Form(said, "\n\n".join([passage, *(pair.text for pair in kept)]))


def items(answer: str, _passage: str) -> Form:
    """The items of a list, one a line; one that was cut goes."""
    lines = [line for line in answer.splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if _ITEM.match(line)), len(lines))
    found = [item[1].strip() for line in lines[first:] if (item := _ITEM.match(line))]
    while found and not finished(found[-1]):
        found.pop()
    text = "\n".join(found)
    return Form(text, text, None if len(found) >= 2 else "malformed")


_CURIE_PAIRS = (
    "- Question: Where was Marie Curie born? Answer: In Warsaw.\n"
    "- Question: Did she share the Nobel Prize? Answer: Yes.\n"
    "- Question: Who was her husband: Pierre or Henri Becquerel? Answer: Pierre.\n"
    "- Question: In which year did she receive the prize? Answer: In 1903."
)

STYLES = {
    "wikipedia": Style(
        instruction="Each passage, from a careless web page, is put into good English like that of "
        "Wikipedia, with everything that it says.",
        label="Paraphrased",
        openings=("Here is a paraphrased version:",),
        examples=(
            (
                LIBRARY,
                "The library closed on Monday after a pipe had burst on the second floor. Its "
                "staff brought some 400 books to the town hall. The reading room will not open "
                "before April.",
            ),
            (
                CURIE,
                "Marie Curie, born in Warsaw in 1867, won the Nobel Prize in Physics in 1903. Her "
                "husband Pierre and Henri Becquerel, with whom she had worked on radioactivity, "
                "shared it.",
            ),
        ),
        tokens=(5, 512),
        by_lines=True,
        joined=True,
        max_new_tokens=512,
        least=50,
        read=prose,
    ),
    "diverse_qa": Style(
        instruction="Up to eight questions of several sorts about each passage, with yes or no, a "
        "choice, a number or a short phrase as the answer.",
        label="Questions and answers",
        openings=("Here are the questions and answers based on the provided text:",),
        examples=((CURIE, _CURIE_PAIRS),),
        form="question_answer",
        tokens=(30, 1000),
        by_lines=True,
        max_new_tokens=600,
        least=100,
        read=several_pairs,
        bounds=Bounds(length=(0, 4), recall=0, copied=1, numbers_lost=1),
    ),
    "distill": Style(
        instruction="Each passage is made shorter and clearer; what matters, its names, numbers "
        "and technical terms stay.",
        label="Paraphrased text",
        openings=("Paraphrased Text:",),
        examples=(
            (
                DANUBE,
                "From the Black Forest of Germany to the Black Sea, the Danube crosses ten "
                "countries on 2,850 km, the most of any river in the world.",
            ),
            (
                LIBRARY,
                "A burst pipe on the second floor closed the library on Monday. About 400 books "
                "are at the town hall; the reading room stays shut until April.",
            ),
        ),
        form="distilled",
        tokens=(10, 2000),
        by_lines=True,
        max_new_tokens=1600,
        least=50,
        read=prose,
        bounds=Bounds(length=(0.2, 1.0), recall=0.35, copied=0.6, numbers_lost=0.3),
    ),
    "extract_knowledge": Style(
        instruction="What can be learned from each passage, written as in a textbook; what teaches "
        "nothing is left out.",
        label="Knowledge",
        examples=(
            (
                DANUBE,
                "The Danube is a river whose source lies in the Black Forest of Germany. "
                "Its length is 2,850 km, and its mouth is at the Black Sea. With ten countries on "
                "its way it crosses more than any other river of the world.",
            ),
        ),
        form="knowledge",
        tokens=(30, 1400),
        by_lines=True,
        max_new_tokens=1400,
        least=50,
        read=prose,
        bounds=Bounds(length=(0.3, 1.6), recall=0.4, copied=0.6, numbers_lost=0.3),
    ),
    "knowledge_list": Style(
        instruction="The facts of each passage as a list, one sentence an item, each clear by "
        "itself.",
        label="Facts",
        examples=(
            (
                CURIE,
                "- Marie Curie was born in Warsaw.\n"
                "- The year of her birth is 1867.\n"
                "- Marie Curie received the Nobel Prize in Physics in 1903.\n"
                "- She shared the prize with Pierre, her husband, and Henri Becquerel.\n"
                "- The prize was for work on radioactivity.",
            ),
        ),
        form="list",
        tokens=(30, 1000),
        by_lines=True,
        max_new_tokens=600,
        read=items,
        bounds=Bounds(length=(0.2, 2.0), recall=0.35, copied=0.8, numbers_lost=0.3),
    ),
}
