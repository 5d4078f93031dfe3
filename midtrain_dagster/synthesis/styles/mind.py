"""MIND's seven dialogues (Akter et al. 2024, arXiv 2410.12881, section 2 and appendix A): a passage
of mathematics or science talked over by two professors, a teacher and a student, two students, an
interviewer and an expert, two who solve a problem, a layman and one who knows, two who debate.

There a passage has up to 500 tokens, and a dialogue of fewer than 50 tokens is dropped; nothing is
to be added and calculations are to be done. So a number that the passage lacks must come out of a
calculation in the dialogue, and a calculation that is wrong is a reject: what they cannot check.
Bounds are ours.
"""

import re

from midtrain_dagster.synthesis.arithmetic import derived, equations
from midtrain_dagster.synthesis.fidelity import Bounds
from midtrain_dagster.synthesis.styles import style
from midtrain_dagster.synthesis.styles.passages_shown import BAKERY
from midtrain_dagster.synthesis.styles.style import Form, Read, Style, finished

VERSION = 1
USES = (style,)

FEWEST_TURNS = 4


def turns(first: str, second: str) -> Read:
    """Reads lines ``Speaker: ..`` of two speakers who both speak; a last turn that was cut goes."""
    speaker = re.compile(
        rf"^[ \t]*\*{{0,2}}({re.escape(first)}|{re.escape(second)})\*{{0,2}}:\*{{0,2}}[ \t]*", re.I
    )

    def read(answer: str, _passage: str) -> Form:
        spoken: list[tuple[str, str]] = []
        for line in answer.splitlines():
            if begins := speaker.match(line):
                name = first if begins[1].lower() == first.lower() else second
                spoken.append((name, line[begins.end() :].strip()))
            elif line.strip() and spoken:
                spoken[-1] = spoken[-1][0], f"{spoken[-1][1]} {line.strip()}".strip()
        while spoken and not finished(spoken[-1][1]):
            spoken.pop()
        said = " ".join(words for _, words in spoken)
        text = "\n".join(f"{name}: {words}" for name, words in spoken)
        whole = len(spoken) >= FEWEST_TURNS and all(words for _, words in spoken)
        if not whole or len({name for name, _ in spoken}) < 2:
            return Form(said, text, "malformed")
        wrong = not all(each.right for each in equations(said))
        return Form(said, text, "wrong_calculation" if wrong else None, frozenset(derived(said)))

    return read


def _dialogue(instruction: str, first: str, second: str, *lines: str) -> Style:
    speakers = (first, second)
    spoken = [f"{speakers[number % 2]}: {line}" for number, line in enumerate(lines)]
    return Style(
        instruction=f"{instruction} They keep to the passage, add no facts to it, and do its "
        "calculations step by step.",
        label="Dialogue",
        examples=((BAKERY, "\n".join(spoken)),),
        form="dialogue",
        thought="short",
        tokens=(0, 500),
        max_new_tokens=800,
        least=50,
        read=turns(first, second),
        bounds=Bounds(length=(0.5, 6), recall=0.4, copied=0.7, numbers_lost=0.34),
        allowed=speakers,
    )


STYLES = {
    "two_professors": _dialogue(
        "Two professors discuss each passage.",
        "Professor A",
        "Professor B",
        "The passage gives us a price and two sales. The bakery in Church Street asks 3 euros for "
        "a loaf of bread.",
        "And the sales of Saturday are 40 loaves in the morning and 25 in the afternoon, so "
        "40 + 25 = 65 loaves.",
        "The revenue is the price times that: 65 x 3 = 195 euros.",
        "It follows that the morning alone brought 40 x 3 = 120 euros.",
    ),
    "teacher_student": _dialogue(
        "A teacher explains each passage to a student, who asks and tries.",
        "Teacher",
        "Student",
        "A loaf of bread costs 3 euros in the bakery in Church Street. How many loaves did it sell "
        "on Saturday?",
        "40 in the morning and 25 in the afternoon. Do I have to add them?",
        "Yes. And then you can tell how much money that is.",
        "40 + 25 = 65 loaves, and 65 x 3 = 195 euros!",
        "Well done. That is what the bakery took on Saturday.",
    ),
    "two_students": _dialogue(
        "Two students work through each passage together.",
        "Student 1",
        "Student 2",
        "So the bakery in Church Street sells a loaf of bread for 3 euros. What can we find out?",
        "How many they sold on Saturday: 40 loaves in the morning and 25 in the afternoon make "
        "40 + 25 = 65.",
        "Then I would multiply by the price: 65 x 3 = 195.",
        "Right, 195 euros in all.",
    ),
    "interview": _dialogue(
        "An interviewer asks an expert about each passage.",
        "Interviewer",
        "Expert",
        "What does a loaf of bread cost in the bakery in Church Street?",
        "It sells for 3 euros.",
        "And how was business on Saturday?",
        "It sold 40 loaves in the morning and 25 in the afternoon. That is 40 + 25 = 65 loaves, "
        "or 65 x 3 = 195 euros.",
    ),
    "problem_solving": _dialogue(
        "Two people find a problem in each passage and solve it.",
        "Asker",
        "Solver",
        "How much money did the bakery in Church Street take on Saturday?",
        "We know that a loaf of bread costs 3 euros, and that it sold 40 in the morning and 25 in "
        "the afternoon.",
        "So first we need the number of loaves?",
        "Yes: 40 + 25 = 65 loaves. Then 65 x 3 = 195, so it took 195 euros.",
    ),
    "layman_expert": _dialogue(
        "Somebody who knows nothing of the subject has an expert explain each passage.",
        "Layman",
        "Expert",
        "I don't understand this. What is the bakery in Church Street doing?",
        "It sells bread. Each loaf costs 3 euros.",
        "And the other numbers?",
        "Those are the loaves of Saturday: 40 in the morning and 25 in the afternoon, so "
        "40 + 25 = 65 together. At 3 euros each that makes 65 x 3 = 195 euros.",
        "Ah, so you multiply, since every loaf costs the same.",
        "Exactly.",
    ),
    "debate": _dialogue(
        "Two people hold different views on each passage and argue by what it says.",
        "Speaker A",
        "Speaker B",
        "The bakery in Church Street should open in the morning only. It sold 40 loaves of bread "
        "then.",
        "But 25 were sold in the afternoon of that Saturday. At 3 euros a loaf that is 25 x 3 = 75 "
        "euros.",
        "The morning brought more: 40 x 3 = 120 euros.",
        "Both together brought 120 + 75 = 195 euros, and I would not give up a part of it.",
    ),
}
