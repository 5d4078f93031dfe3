"""FinePhrase's four structured rewrites (Hugging Face 2026, datatrove's
``examples/inference/finephrase.py``): a table with a question, a word problem, frequent questions,
a tutorial. There SmolLM2-1.7B-Instruct reads whole documents in a context of 8,192 tokens, of which
2,048 are its answer; nothing is checked.

Here each is taken apart: a table has equal rows and its question an answer from the passage, a word
problem's numbers are the passage's or come out of calculations that are right, answers are
grounded, steps are numbered from 1. What does not hold is a reject.
"""

import re

from midtrain_dagster.synthesis import pairs
from midtrain_dagster.synthesis.arithmetic import derived, equations
from midtrain_dagster.synthesis.fidelity import Bounds, numbers
from midtrain_dagster.synthesis.pairs import grounded, grounded_pairs, read_pairs
from midtrain_dagster.synthesis.styles import style
from midtrain_dagster.synthesis.styles.passages_shown import BAKERY, BEANS, CURIE, DANUBE
from midtrain_dagster.synthesis.styles.style import Form, Style, finished

VERSION = 1
USES = (style, pairs)

TOKENS = (0, 6000)
MAX_NEW_TOKENS = 2048

COMMON_NUMBERS = frozenset(("2", "7", "10", "12", "24", "30", "52", "60", "100", "365", "1000"))
"""What one may calculate with and no passage says: days of a week, minutes of an hour."""

_RULE = re.compile(r"\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+(?:[ \t]*:?-{2,}:?[ \t]*)?")
_STEP = re.compile(r"[ \t]*\*{0,2}(?:step )?(\d{1,2})[.):]\*{0,2}[ \t]+(\S.*)", re.IGNORECASE)
_SECTION = re.compile(r"^\W{0,3}(problem|solution|answer)\W{0,3}:\W{0,2}", re.IGNORECASE | re.M)


def table(answer: str, passage: str) -> Form:
    """A Markdown table of equal rows, and below it a question whose answer is grounded."""
    lines = [line.strip() for line in answer.splitlines()]
    rule = next((at for at, line in enumerate(lines) if _RULE.fullmatch(line)), 0)
    rows = [lines[rule - 1]] if rule else []
    below = rule + 1
    while rule and below < len(lines) and "|" in lines[below]:
        rows.append(lines[below])
        below += 1
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    found = read_pairs("\n".join(lines[below:]))
    said = ". ".join(cell for row in cells for cell in row)
    if len(cells) < 3 or len(cells[0]) < 2 or len({len(row) for row in cells}) > 1 or not found:
        return Form(said, answer, "malformed")
    head, *body = ["| " + " | ".join(row) + " |" for row in cells]
    text = "\n".join([head, "|" + " --- |" * len(cells[0]), *body, "", found[0].text])
    said = f"{said}. {found[0].question} {found[0].answer}"
    return Form(said, text, None if grounded(found[0].answer, passage) else "not_grounded")


def word_problem(answer: str, passage: str) -> Form:
    """A problem, its solution by calculations that are right, and the result of one as its
    answer."""
    marks = list(_SECTION.finditer(answer))
    ends = [*(mark.start() for mark in marks[1:]), len(answer)]
    parts = {
        mark[1].lower(): " ".join(answer[mark.end() : end].split())
        for mark, end in zip(marks, ends, strict=False)
    }
    posed, solved, result = (parts.get(each, "") for each in ("problem", "solution", "answer"))
    text = f"Problem: {posed}\nSolution: {solved}\nAnswer: {result}"
    done = equations(solved)
    if not (posed.endswith(("?", ".")) and done and result):
        return Form(answer, text, "malformed")
    results = derived(solved)
    given = numbers(posed) | numbers(passage) | COMMON_NUMBERS | results
    if not all(each.right and set(each.numbers) <= given for each in done):
        return Form(answer, text, "wrong_calculation")
    if not numbers(result) or not numbers(result) <= results:
        return Form(answer, text, "not_grounded")
    return Form(f"{posed} {solved} {result}", text, None, frozenset(results | COMMON_NUMBERS))


def frequent_questions(answer: str, passage: str) -> Form:
    """Two questions or more with answers that are grounded."""
    sound = grounded_pairs(answer, passage)
    text = "\n\n".join(pair.text for pair in sound)
    said = " ".join(f"{pair.question} {pair.answer}" for pair in sound)
    if len(sound) < 2:
        return Form(said, text, "not_grounded" if len(read_pairs(answer)) >= 2 else "malformed")
    return Form(said, text)


def tutorial(answer: str, _passage: str) -> Form:
    """Two steps or more, numbered from 1, below what introduces them; a last one that was cut
    goes."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    steps = [(at, step) for at, line in enumerate(lines) if (step := _STEP.match(line))]
    while steps and not finished(lines[-1]):
        lines = lines[: steps.pop()[0]]
    text = "\n".join(lines)
    counted = [int(step[1]) for _, step in steps] == list(range(1, len(steps) + 1))
    return Form(text, text, None if len(steps) >= 2 and counted else "malformed")


STYLES = {
    "table": Style(
        instruction="The facts of each passage as a table in Markdown, and a question about the "
        "table with its answer.",
        label="Table",
        examples=(
            (
                BAKERY,
                "| Time | Loaves sold | Price of a loaf |\n"
                "| --- | --- | --- |\n"
                "| Saturday morning | 40 | 3 euros |\n"
                "| Saturday afternoon | 25 | 3 euros |\n"
                "\n"
                "Question: When did the bakery in Church Street sell more bread?\n"
                "Answer: In the morning.",
            ),
            (
                DANUBE,
                "| Property | The Danube |\n"
                "| --- | --- |\n"
                "| Source | Black Forest of Germany |\n"
                "| Mouth | Black Sea |\n"
                "| Length | 2,850 km |\n"
                "| Countries | ten |\n"
                "\n"
                "Question: Through how many countries does the river flow?\n"
                "Answer: Through ten countries.",
            ),
        ),
        form="table",
        tokens=TOKENS,
        max_new_tokens=MAX_NEW_TOKENS,
        read=table,
        bounds=Bounds(length=(0.2, 2.5), recall=0.3, copied=0.9, numbers_lost=0.5),
    ),
    "word_problem": Style(
        instruction="A problem in words with the numbers of each passage, solved in several steps.",
        label="Mathematics",
        examples=(
            (
                BAKERY,
                "Problem: A bakery sells a loaf of bread for 3 euros. On Saturday it sells 40 "
                "loaves in the morning and 25 in the afternoon. How much money does it take?\n"
                "Solution: It sells 40 + 25 = 65 loaves. Each costs 3 euros, so it takes "
                "65 x 3 = 195 euros.\n"
                "Answer: 195 euros",
            ),
            (
                BEANS,
                "Problem: Beans are soaked for 8 hours, boiled for 10 minutes and cooked for 60 "
                "minutes. How many minutes does all of that take?\n"
                "Solution: Soaking takes 8 x 60 = 480 minutes. Together it is "
                "480 + 10 + 60 = 550 minutes.\n"
                "Answer: 550 minutes",
            ),
        ),
        form="problem",
        thought="short",
        tokens=TOKENS,
        max_new_tokens=MAX_NEW_TOKENS,
        read=word_problem,
        bounds=Bounds(length=(0.1, 6), recall=0.1, copied=0.8, numbers_lost=1),
    ),
    "faq": Style(
        instruction="The questions that a reader of each passage may have, the simple ones first, "
        "with answers that need nothing else.",
        label="Frequent questions",
        examples=(
            (
                CURIE,
                "Question: Who was Marie Curie?\n"
                "Answer: Marie Curie, born in Warsaw in 1867, worked on radioactivity.\n"
                "Question: Which prize did Marie Curie share, and with whom?\n"
                "Answer: In 1903 Marie Curie shared the Nobel Prize in Physics with her husband "
                "Pierre and with Henri Becquerel.",
            ),
            (
                BEANS,
                "Question: Can one eat raw beans?\n"
                "Answer: No, raw beans can make people ill, so they are boiled for 10 minutes.\n"
                "Question: How long do dried beans take?\n"
                "Answer: They are soaked in cold water for 8 hours and, after they were boiled, "
                "cooked for about 60 minutes on a low heat.",
            ),
        ),
        form="faq",
        tokens=TOKENS,
        max_new_tokens=MAX_NEW_TOKENS,
        read=frequent_questions,
        bounds=Bounds(length=(0.2, 3), recall=0.4, copied=0.8, numbers_lost=0.34),
    ),
    "tutorial": Style(
        instruction="Each passage as a tutorial in numbered steps, with all that one has to know.",
        label="Tutorial",
        examples=(
            (
                BEANS,
                "How to cook dried beans:\n"
                "1. Put the beans into cold water and leave them to soak for 8 hours.\n"
                "2. Boil them for 10 minutes, so that nobody gets ill from raw beans.\n"
                "3. Turn down to a low heat, and cook them for about 60 minutes until soft.\n"
                "4. Add salt only at the end.",
            ),
        ),
        form="tutorial",
        tokens=TOKENS,
        max_new_tokens=MAX_NEW_TOKENS,
        read=tutorial,
        bounds=Bounds(length=(0.3, 2.5), recall=0.4, copied=0.7, numbers_lost=0.34),
    ),
}
