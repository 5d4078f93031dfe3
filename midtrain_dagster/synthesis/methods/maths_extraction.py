"""Problems with solutions that stand in mathematical pages, their solutions written out.

MegaMath (Zhou et al. 2025, arXiv 2504.02807, synthetic part) and OctoThinker (Wang et al. 2025,
arXiv 2506.20512) extract question-answer pairs from mathematical web pages and have a model refine
the solutions. Neither published how a refined solution is held against the one it came from. Here
the final answers are compared by symbolic equality (``mathematics.equality``): ``x = 1/2`` may
become ``0.5``, and 7 may not become 8. A pair without a final answer is rejected.

An equal answer does not make the steps right, nor was the page's answer checked.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.synthesis import extraction
from midtrain_dagster.synthesis.extraction import ExtractionConfig, Pair, Reason
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (extraction,)


class Config(ExtractionConfig):
    """Mathematical problems that stand in pages, with their solutions written out."""

    KIND: ClassVar[Kind] = "mathematics"
    FAMILY: ClassVar[Family] = "extraction"
    FORM: ClassVar[str] = "problem_solution"
    THOUGHT: ClassVar[Thought] = "short"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)
    LABELS: ClassVar[tuple[str, str]] = ("Problem", "Solution")
    FINAL: ClassVar[bool] = True
    INSTRUCTIONS: ClassVar[tuple[str, str]] = (
        "Copy a mathematical problem that the text poses, and the solution that it gives. Write "
        "none where the text solves no problem.",
        "Write each solution out in short steps with the same result. End with: The answer is ...",
    )
    EXTRACTED: ClassVar[Sequence[tuple[str, Pair | None]]] = (
        (
            "Chapter 3. Example 2. A rectangle has sides of 5 cm and 8 cm. What is its area? We "
            "multiply 5 * 8 = 40, so the area is 40 square cm. Exercises follow.",
            Pair(
                "A rectangle has sides of 5 cm and 8 cm. What is its area?",
                "We multiply 5 * 8 = 40, so the area is 40 square cm.",
            ),
        ),
        (
            "Euler lived in Basel, Berlin and St. Petersburg, and wrote more than any other "
            "mathematician of his time.",
            None,
        ),
        (
            "Solve 2x + 3 = 11 for x. (Hint given in class.) Subtract 3: 2x = 8. Then x = 4. Next "
            "page: graphs of lines.",
            Pair("Solve 2x + 3 = 11 for x.", "Subtract 3: 2x = 8. Then x = 4."),
        ),
    )
    REFINED: ClassVar[Sequence[tuple[Pair, str]]] = (
        (
            Pair("Solve 2x + 3 = 11 for x.", "Subtract 3: 2x = 8. Then x = 4."),
            "Subtracting 3 from both sides gives 2x = 8. Dividing both sides by 2 gives x = 4. The "
            "answer is 4.",
        ),
        (
            Pair("What are 15% of 60?", "9"),
            "15% of 60 is 0.15 * 60 = 9. The answer is 9.",
        ),
    )

    method: Literal["maths_extraction"] = "maths_extraction"
    domain: str = Field(default="extracted_problems", description="the domain that pairs feed")

    @property
    def document_form(self) -> str:
        """The problem and its solution."""
        return "Problem: {asked}\n\nSolution: {answer}"
