"""What a persona is asked for: Persona Hub's five kinds of task (Ge et al. 2024, arXiv 2406.20094,
section 4): a problem in mathematics, an instruction to an assistant, an article of knowledge, a
character of a game, a tool.

A task is data, as a style of rephrasing is: an instruction, a worked example, and how its answer
is read. Problems are calculated again; the others must be whole and of their form, and no more can
be told.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from midtrain_dagster.synthesis import diversity
from midtrain_dagster.synthesis.diversity import distinct
from midtrain_dagster.synthesis.fidelity import copied, remark, without_opening, words_of
from midtrain_dagster.synthesis.styles import finephrase, style
from midtrain_dagster.synthesis.styles.finephrase import word_problem
from midtrain_dagster.synthesis.styles.style import Form, finished
from midtrain_dagster.synthesis.tables import Thought

VERSION = 1
USES = (style, finephrase, diversity)

TaskName = Literal["math", "instruction", "knowledge", "npc", "tool"]

Reason = Literal[
    "empty", "prompt_echo", "remark", "malformed", "wrong_calculation", "not_grounded",
    "unfinished", "too_little", "repetition",
]  # fmt: skip

ECHO = 0.5
"""Share of word sequences that an answer may have from the worked example."""
VARIED = 0.6
"""Different word pairs of an answer for each of its word pairs, at least."""

COOK = "A cook in a school canteen who plans cheap and safe meals for 200 children."

_TOOL = re.compile(r"^[ \t]*\W{0,2}(name|purpose|input|output)\W{0,2}:\W{0,2}", re.I | re.M)


def problem(answer: str) -> Form:
    """A problem whose solution calculates right, with the numbers that it gives."""
    return word_problem(answer, "")


def one_line(answer: str) -> Form:
    """The first line."""
    line = next((line.strip() for line in answer.splitlines() if line.strip()), "")
    return Form(line, line, None if finished(line) else "unfinished")


def article(answer: str) -> Form:
    """A title on the first line, and below it paragraphs; a last sentence that was cut goes."""
    title, _, body = answer.partition("\n")
    title = title.strip(" #*")
    body = body.strip()
    if not finished(body):
        body = body[: max(body.rfind(". "), body.rfind(".\n")) + 1].strip()
    text = f"{title}\n\n{body}"
    return Form(text, text, None if title and body else "malformed")


def character(answer: str) -> Form:
    """The first paragraph, which ends as a sentence does."""
    text = answer.partition("\n\n")[0].strip()
    return Form(text, text, None if finished(text) else "unfinished")


def tool(answer: str) -> Form:
    """A name without spaces, a purpose, an input and an output, one a line."""
    marks = list(_TOOL.finditer(answer))
    parts: dict[str, str] = {}
    for mark in marks:
        value = answer[mark.end() :].partition("\n")[0].strip(" *`")
        parts.setdefault(mark[1].lower(), value)
    whole = all(words_of(parts.get(each, "")) for each in ("name", "purpose", "input", "output"))
    text = "\n".join(f"{each.capitalize()}: {value}" for each, value in parts.items())
    sound = whole and " " not in parts["name"]
    return Form(text, text, None if sound else "malformed")


@dataclass(frozen=True)
class Task:
    """Something that a persona is asked for."""

    instruction: str
    label: str
    example: str
    """Of the cook."""
    read: Callable[[str], Form]
    form: str
    thought: Thought = "none"
    least: int = 8
    """Words, at least."""

    def prompt(self, persona: str) -> str:
        """The instruction, the worked example, and the persona."""
        gap = "\n" if "\n" in self.example else " "
        worked = f"Person: {COOK}\n{self.label}:{gap}{self.example}"
        return "\n\n".join([self.instruction, worked, f"Person: {persona}\n{self.label}:"])

    def write(self, completion: str) -> tuple[str, Reason | None]:
        """The text of an answer, and why it is none."""
        answer = without_opening(completion, f"{self.label}:").partition("\nPerson:")[0].strip()
        if not words_of(answer):
            return answer, "empty"
        form = self.read(answer)
        words = words_of(form.text)
        if remark(answer):
            return form.text, "remark"
        if form.fault:
            return form.text, form.fault
        if len(words) < self.least:
            return form.text, "too_little"
        if copied(words, words_of(self.example)) > ECHO:
            return form.text, "prompt_echo"
        return form.text, "repetition" if distinct([form.text], 2) < VARIED else None


TASKS: dict[TaskName, Task] = {
    "math": Task(
        "A problem in mathematics that each person could meet, and its solution step by step.",
        "Mathematics",
        "Problem: A canteen feeds 200 children. Each child gets 3 potatoes, and a sack holds 50 "
        "potatoes. How many sacks are needed?\n"
        "Solution: The children get 200 x 3 = 600 potatoes. That is 600 / 50 = 12 sacks.\n"
        "Answer: 12 sacks",
        problem,
        form="problem",
        thought="short",
    ),
    "instruction": Task(
        "What each person may ask an assistant to do, in the person's own words.",
        "User prompt",
        "Write a menu for five school days without nuts and pork, with the quantities for 200 "
        "children and a shopping list that costs less than 2 euros a child.",
        one_line,
        form="instruction",
    ),
    "knowledge": Task(
        "A short article in which each person explains something that the person knows well.",
        "Title",
        "Why leftover rice can make people ill\n"
        "Uncooked rice carries spores that survive boiling. If the cooked rice stands in a warm "
        "kitchen, the spores grow and form a poison that heating does not remove. So we cool it "
        "within an hour and keep it in the refrigerator for one day at most.",
        article,
        form="article",
        least=25,
    ),
    "npc": Task(
        "Each person as a character of a game: name, looks, manner, and what players get there.",
        "Character",
        "Berta Ladle rules the academy's kitchen with a wooden spoon and a loud laugh. She is "
        "strict about clean hands and generous with second helpings. Who brings her herbs from the "
        "forest gets a stew that heals, and a rumour about the teachers.",
        character,
        form="character",
        least=20,
    ),
    "tool": Task(
        "A tool that a program could offer to each person: name, purpose, input and output.",
        "Tool",
        "Name: scale_recipe\n"
        "Purpose: Computes the quantities of a recipe for another number of people.\n"
        "Input: the recipe's quantities, the people it is for, the people who eat\n"
        "Output: the quantities in the same units, rounded to what a kitchen can weigh",
        tool,
        form="tool",
    ),
}
