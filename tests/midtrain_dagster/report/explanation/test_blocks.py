from io import StringIO

from rich.console import Console

from midtrain_dagster.report.explanation.blocks import (
    indented,
    new_table,
    one_line,
    pairs,
    shorten,
    styled,
    visible,
)


def printed(*blocks: object) -> list[str]:
    out = StringIO()
    console = Console(file=out, width=30, highlight=False)
    for block in blocks:
        console.print(block)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_what_a_terminal_would_obey_is_made_visible() -> None:
    assert visible("a\u202eb\x9bc\td\n") == "a<U+202E>b<U+009B>c\td\n"
    assert printed(styled("\x1b]0;x\x07", ("[red]no markup", "bold"))) == ["␛]0;x␇[red]no markup"]
    assert printed(pairs({"name\x1b": "\x07"})) == ["name␛  ␇"]


def test_what_is_wrapped_stays_set_off() -> None:
    assert printed(indented("word " * 8 + "end")) == [
        "    word word word word word",
        "    word word word end",
    ]


def test_a_column_of_numbers_stands_right() -> None:
    table = new_table("name", "#count")
    table.add_row("a", "7")
    assert printed(table) == ["name  count", "a         7"]


def test_texts_are_cut_at_words_and_put_on_a_line() -> None:
    assert shorten("one two three", 9) == "one two …"
    assert shorten("one", 9) == "one"
    assert one_line("a\tb\nc") == "a b c"
