import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roff_text.mdoc import CALLABLE, inline


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Nm", "cat"),
        ("Nm Fl a Op Ar file ...", "cat -a [file ...]"),
        ("Op Fl D Ar path .", "[-D path]."),
        ("Fl f , Fl Fl long Ns = Ns Ar x", "-f, --long=x"),
        ("Xr ls 1 ,", "ls(1),"),
        ("Xr ls", "ls"),
        ("Fn open path flags", "open(path, flags)"),
        ("Dq Pa /etc ;", "\u201c/etc\u201d;"),
        ("Sq Li a Ns Ap s", "\u2018a's\u2019"),
        ("Oo Ar user Ns @ Oc Ns Ar host", "[user@]host"),
        ("Pf ( Em so )", "(so)"),
        ("Bx 4.3 and Fx", "4.3BSD and FreeBSD"),
        ("Ar", "file ..."),
        ("Em plain words", "plain words"),
    ],
)
def test_lines_of_macros_become_text(line: str, text: str) -> None:
    assert inline(line.split(), "cat") == text


def test_words_stand_close_without_spacing() -> None:
    line = ["Oo", "user", "@", "Oc", "host", ":", "Op", "path", ","]
    assert inline(line, "scp", spacing=False) == "[user@]host:[path],"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*sorted(CALLABLE), "a", ".", "(", "\\"]), max_size=12))
def test_macros_come_in_any_order(words: list[str]) -> None:
    assert "  " not in inline(words, "cat")
