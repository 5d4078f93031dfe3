import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roff_text.roff import arguments, plain, shown_lines


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\fB\-\-all\fP", "--all"),
        (r"\f[BI]a\f(CWb\fR", "ab"),
        (r"\s-1SMALL\s0 \s+(12x\s'+3'y", "SMALL xy"),
        (r"[\fI\,FILE\/\fP]", "[FILE]"),
        (r"C:\eDOS\\x", r"C:\DOS\x"),
        (r"a\ b\~c\0d", "a b c d"),
        (r"\(co 2026 \(em caf\['e] \[u20AC]", "\u00a9 2026 \u2014 caf\u00e9 \u20ac"),
        (r"\h'-04'\(bu\h'+03'text", "\u2022 text"),
        (r"\v'.2m'x\w'y'\o'eh'\z_\N'65'", "xe_A"),
        (r"it\(aqs \`so\' \&.", "it's `so' ."),
        (r"\n(.g\n[x]\m[blue]end\c", "end"),
        ("at the end \\", "at the end "),
        ("nothing", "nothing"),
    ],
)
def test_escapes_are_what_they_stand_for(source: str, text: str) -> None:
    assert plain(source) == text


def test_arguments_may_be_quoted() -> None:
    assert arguments(r'one "two words" "" "say ""so""" a\ b "open') == [
        "one",
        "two words",
        "",
        'say "so"',
        r"a\ b",
        "open",
    ]


PAGE = r"""'\" t
.\" A licence.
.de Vb
.ft CW
..
.ie \n(.g .ds Aq \(aq
.el       .ds Aq '
.ds C+ C\v'-.1v'++
.if t .ds -- dash
.if n \{\
.ds L" ""
.\}
.if \nF \{
.de IX
..
.if !\nF \{ hidden
.\}
.\}
.if !'a'b' said
.ig
not shown
..
.TS
a	b
.TE
Text with \*(C+ and \*(Aqquotes\*[Aq]\*(--. \" a comment
one \
line
.ie n \{\
shown
.\}
.el \{\
not shown
.\}
. B bold
"""


def test_lines_that_are_shown_are_text_or_macros() -> None:
    assert list(shown_lines(PAGE))[:-1] == [
        "said",
        r"Text with C\v'-.1v'++ and \(aqquotes\(aq. ",
        "one line",
        "shown",
        ".B bold",
    ]


@settings(max_examples=150, deadline=None)
@given(st.text("\\.'{}()[]*\"anif dsTEoelTS\n 0", max_size=80))
def test_lines_of_any_text_end(source: str) -> None:
    for line in shown_lines(source):
        assert "\n" not in plain(line)
        arguments(line)
