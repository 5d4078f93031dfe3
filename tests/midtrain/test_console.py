import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from midtrain.command import main
from midtrain.console import PlainConsole

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m \x1bP+q\x1b\\ \x7f \x00"


def printed(text: str, **options: Any) -> str:
    stream = io.StringIO()
    console = PlainConsole(file=stream, highlight=False, soft_wrap=True, **options)
    console.print(text, markup=False)
    table = Table()
    table.add_column("text")
    table.add_row(text.replace("[", r"\["))
    console.print(table)
    return stream.getvalue()


@given(st.text())
def test_no_control_character_of_a_text_reaches_the_terminal(text: str) -> None:
    assert not CONTROL.search(printed(text))


def test_colours_of_the_console_itself_stay() -> None:
    stream = io.StringIO()
    options = {"force_terminal": True, "color_system": "standard", "highlight": False}
    console = PlainConsole(file=stream, **options)
    console.print(HOSTILE, style="red", markup=False)
    assert stream.getvalue().startswith("\x1b[31m␛]0;owned ␛[2J �31m ␛P+q␛\\ ␡ ␀\x1b[0m")


def test_command_shows_what_a_file_name_holds(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["check", "absent\x1b[2J\x9b31m.yaml"])
    output = capsys.readouterr().out
    assert "absent␛[2J" in output and not CONTROL.search(output)
