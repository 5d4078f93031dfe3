"""WRAP's four styles (Maini et al. 2024, arXiv 2401.16380, section 3 and appendix): easy, medium,
hard, and question and answer; passages of up to 300 tokens, as there.

They ask an instruction-tuned model of 7 billion parameters in one sentence; the worked examples are
ours. What may be lost is ours too: simple words and terse ones keep less of a passage's own.
"""

from midtrain_dagster.synthesis import pairs
from midtrain_dagster.synthesis.fidelity import Bounds
from midtrain_dagster.synthesis.pairs import grounded_pairs, read_pairs
from midtrain_dagster.synthesis.styles import style
from midtrain_dagster.synthesis.styles.passages_shown import CURIE, DANUBE, LIBRARY
from midtrain_dagster.synthesis.styles.style import Form, Style

VERSION = 1
USES = (style, pairs)


def conversation(answer: str, passage: str) -> Form:
    """Two pairs or more, every one of them grounded: what is made up would be taught."""
    found, sound = read_pairs(answer), grounded_pairs(answer, passage)
    text = "\n".join(pair.text for pair in found)
    said = " ".join(f"{pair.question} {pair.answer}" for pair in found)
    if len(found) < 2:
        return Form(said, text, "malformed")
    return Form(said, text, None if len(sound) == len(found) else "not_grounded")


STYLES = {
    "easy": Style(
        instruction="Each passage is told again for small children: short sentences, easy words, "
        "and all of its facts and numbers.",
        label="Told simply",
        examples=(
            (
                DANUBE,
                "The Danube is a long river. It starts in the Black Forest. That is in Germany. "
                "It runs for 2,850 km and ends in the Black Sea. On its way it goes through ten "
                "countries. No other river in the world goes through so many!",
            ),
            (
                CURIE,
                "Marie Curie came from Warsaw. She was born there in 1867. She found out new "
                "things about radioactivity. Her husband Pierre and Henri Becquerel did that too. "
                "In 1903 all three of them got a big prize, the Nobel Prize in Physics.",
            ),
        ),
        bounds=Bounds(length=(0.5, 2.0), recall=0.4),
    ),
    "medium": Style(
        instruction="Each passage is said again in other words, in the clear and neutral English "
        "of an encyclopedia, with all of its facts and numbers.",
        label="Rephrased",
        examples=(
            (
                DANUBE,
                "From its source in the Black Forest of Germany, the Danube runs 2,850 km to the "
                "Black Sea. No other river in the world flows through as many countries: there "
                "are ten.",
            ),
            (
                LIBRARY,
                "The library was closed on Monday because a pipe had burst on its second floor. "
                "Staff carried about 400 books to the town hall, and the reading room is expected "
                "to open again in April.",
            ),
            (
                CURIE,
                "Born in Warsaw in 1867, Marie Curie received the Nobel Prize in Physics in 1903 "
                "for work on radioactivity, together with Pierre, her husband, and Henri "
                "Becquerel.",
            ),
        ),
    ),
    "hard": Style(
        instruction="Each passage is condensed into the terse and learned prose of a scholar, with "
        "rare words, and all of its facts and numbers.",
        label="Learnedly",
        examples=(
            (
                DANUBE,
                "Springing from the Black Forest of Germany, the Danube traverses ten countries, a "
                "tally unrivalled by any river in the world, ere it debouches, 2,850 km hence, "
                "into the Black Sea.",
            ),
            (
                LIBRARY,
                "A ruptured pipe upon the second floor occasioned the library's closure on Monday; "
                "some 400 books were conveyed to the town hall by its staff, whilst the reading "
                "room remains sequestered until April.",
            ),
        ),
        bounds=Bounds(length=(0.4, 1.6), recall=0.4),
    ),
    "question_answer": Style(
        instruction="Each passage is turned into a conversation of questions and answers that "
        "leaves nothing out.",
        label="Conversation",
        examples=(
            (
                DANUBE,
                "Question: Where does the Danube rise?\n"
                "Answer: It rises in the Black Forest of Germany.\n"
                "Question: How long is it, and into which sea does it flow?\n"
                "Answer: It flows for 2,850 km and empties into the Black Sea.\n"
                "Question: What does it have more of than other rivers in the world?\n"
                "Answer: Countries: it passes through ten of them.",
            ),
            (
                CURIE,
                "Question: When and where was Marie Curie born?\n"
                "Answer: She was born in Warsaw in 1867.\n"
                "Question: What did she get in 1903, and for what?\n"
                "Answer: The Nobel Prize in Physics, for work on radioactivity.\n"
                "Question: With whom did she share it?\n"
                "Answer: With her husband Pierre and Henri Becquerel.",
            ),
        ),
        form="question_answer",
        read=conversation,
        bounds=Bounds(length=(0.4, 2.5), recall=0.4, copied=0.7),
    ),
}
