"""Whether a program came to its last line.

One that ends with 0 before it, by ``exit`` or ``os._exit``, has passed over the tests that stand
there. So one more line is run behind it that prints a mark, where its language has such a line
(``Language.last``), and only who printed the mark has come to its end. The mark is a hash of the
program, which a program cannot hold within itself.
"""

from hashlib import blake2b

from midtrain_dagster.sandbox.registry import LANGUAGES
from midtrain_dagster.sandbox.run import Outcome, Program

VERSION = 1


def mark_of(program: Program) -> str:
    """What the line behind a program prints."""
    return blake2b(program.text.encode(errors="replace"), digest_size=16).hexdigest()


def marked(program: Program) -> Program:
    """The program with the line that prints its mark, in a language that has one; else itself."""
    last = LANGUAGES[program.language].last
    if not last:
        return program
    return program._replace(text=f"{program.text}\n\n{last.replace('MARK', mark_of(program))}\n")


def ended_early(program: Program, outcome: Outcome) -> bool:
    """Whether a program, run with its mark, ended with 0 and not at its end."""
    if not outcome.succeeded or not LANGUAGES[program.language].last:
        return False
    return mark_of(program) not in outcome.stdout.split("\n")
