"""The styles that a recipe can name, and the sets of them that papers have."""

from midtrain_dagster.synthesis.styles import finephrase, mind, nemotron_cc, wrap
from midtrain_dagster.synthesis.styles.style import Style

VERSION = 1
USES = (wrap, nemotron_cc, mind, finephrase)

SETS = {
    "wrap": wrap.STYLES,
    "nemotron_cc": nemotron_cc.STYLES,
    "mind": mind.STYLES,
    "finephrase": finephrase.STYLES,
}

STYLES: dict[str, Style] = {
    name: style for styles in SETS.values() for name, style in styles.items()
}


def named(names: list[str]) -> list[str]:
    """The styles that names of styles and of sets stand for, each once, in their order.

    Raises ValueError for a name that is neither.
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in STYLES and name not in SETS:
            raise ValueError(
                f"there is no style {name!r}; there are the sets {', '.join(SETS)} and the styles "
                f"{', '.join(STYLES)}"
            )
        found |= dict.fromkeys(SETS.get(name, {name: None}))
    return list(found)
