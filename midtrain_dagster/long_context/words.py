"""What keys and values are made of, in two pools that share nothing.

A model that has learnt to retrieve from synthetic documents must be asked for what it has never
seen. So every key and every value belongs to one pool, by a hash of itself: what trains never
stands in an item that measures, whatever seeds are drawn.

RULER's keys are pairs of an adjective and a noun, its numbers have seven digits, and it has UUIDs
(Hsieh et al., *RULER: What's the Real Context Size of Your Long-Context Language Models?*,
arXiv 2404.06654, section 3.1). The words here are short and frequent, so that a pair is a few
tokens of a small vocabulary: 60 adjectives and 100 nouns make 6,000 keys, about half in each pool.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Literal

from midtrain_dagster.core import draws
from midtrain_dagster.long_context.draw import Draw

VERSION = 1

Pool = Literal["training", "evaluation"]
"""What documents to learn from are made of, and what items that measure are."""

ValueKind = Literal["numbers", "words", "uuids"]

TRIES = 1000
"""Draws for one name before a pool counts as used up."""


def listed(words: str) -> tuple[str, ...]:
    """Words that are written with spaces between them."""
    return tuple(words.split())


ADJECTIVES = listed(
    "big bold brave brief bright broad calm cheap clean clear close cold cool dark deep dry early "
    "easy empty fair fast fine firm flat free fresh full gentle glad good grand great green happy "
    "hard heavy high hot huge keen kind large late light long loud low new nice old open plain "
    "quick quiet rare red rich safe sharp slow"
)

NOUNS = listed(
    "apple arm art baby bag ball band bank bar bell bird board boat body book box boy bread "
    "bridge brother bus cake car card cat chair child church city class club coat coffee corner "
    "country cup day dog door dream ear earth egg eye face farm father field film fire fish "
    "flower foot forest friend game garden gate girl glass gold hall hand hat head heart hill home "
    "horse house island key king lake leaf letter line lion map moon mother mountain music name "
    "night ocean paper park picture queen rain river road room school sea ship song star stone"
)


class UsedUpError(ValueError):
    """A pool that has no more names of a kind; the message says what to change."""


def in_pool(name: str, pool: Pool) -> bool:
    """Whether a key or value belongs to a pool: by a bit of its hash."""
    return bool(draws.place(name, 0, bits=64) & 1) == (pool == "training")


def drawn(
    draw: Draw,
    kind: ValueKind,
    count: int,
    *,
    pool: Pool,
    digits: int = 7,
    avoid: Collection[str] = (),
) -> list[str]:
    """``count`` different names of a kind, none of those to ``avoid``.

    Raises :class:`UsedUpError` where the pool has not so many: numbers of few digits run out.
    """
    what = f"numbers of {digits} digits" if kind == "numbers" else kind
    make = partial(_name, kind=kind, digits=digits)
    return drawn_of(draw, make, count, pool=pool, what=what, avoid=avoid)


def drawn_of(
    draw: Draw,
    make: Callable[[Draw], str],
    count: int,
    *,
    pool: Pool,
    what: str,
    avoid: Collection[str] = (),
) -> list[str]:
    """``count`` different names that ``make`` draws, all of a pool, none of those to ``avoid``.

    Raises :class:`UsedUpError`, which calls them ``what``, where the pool has not so many.
    """
    taken: dict[str, None] = {}
    for _ in range(count):
        for _ in range(TRIES):
            name = make(draw)
            if name not in taken and name not in avoid and in_pool(name, pool):
                taken[name] = None
                break
        else:
            raise UsedUpError(
                f"there are not {count} different {what} beside the {len(avoid)} that are taken: "
                "ask for fewer keys, values or distractors, or for longer names"
            )
    return list(taken)


def _name(draw: Draw, kind: ValueKind, digits: int) -> str:
    match kind:
        case "numbers":
            first = 10 ** (digits - 1)
            return str(first + draw.below(9 * first))
        case "words":
            return f"{draw.one(ADJECTIVES)}-{draw.one(NOUNS)}"
        case "uuids":
            text = "".join(draw.one("0123456789abcdef") for _ in range(32))
            return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
