import re

from midtrain_dagster.report.stylesheet import DARK, LIGHT, STYLESHEET


def test_nothing_is_fetched() -> None:
    assert "url(" not in STYLESHEET
    assert "@import" not in STYLESHEET


def test_braces_are_balanced_and_no_placeholder_is_left() -> None:
    assert STYLESHEET.count("{") == STYLESHEET.count("}")
    assert not re.search(r"\{[A-Z]+\}", STYLESHEET)
    assert "{{" not in STYLESHEET


def test_paper_has_rules_of_its_own() -> None:
    assert "@media print" in STYLESHEET


def test_every_colour_is_there_in_light_and_dark() -> None:
    assert LIGHT.keys() == DARK.keys()
    used = set(re.findall(r"var\((--[a-z-]+)\)", STYLESHEET))
    assert used == {name for name in LIGHT if name.startswith("--")}
    assert "@media screen and (prefers-color-scheme: dark)" in STYLESHEET


def contrast(one: str, other: str) -> float:
    """WCAG 2.1's ratio of two colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_in_light_and_dark() -> None:
    for colours in (LIGHT, DARK):
        for name in ("--ink", "--muted", "--blue", "--good", "--bad", "--crossing"):
            assert contrast(colours[name], colours["--paper"]) >= 4, (name, colours["--paper"])
