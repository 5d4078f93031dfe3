import pytest

import roff_text
from roff_text import read_page

MAN = r""".\" Copyright (c) 1991, somebody.
.TH OTTER 1 2026\-01\-31 "Kelp 2.0" "User Commands"
.SH NAME
otter \- float on the back
.SH SYNOPSIS
.SY otter
.OP \-s stone
.RI [ file ]\ ...
.YS
.SH "WHAT IT DOES"
The
.B otter
opens
.IR mussels ,
as
.BR kelp (7)
says.
.PP
See
.UR https://kelp.example
the kelp page
.UE .
.TP
.BR \-s ", " \-\-stone =\fIN\fP
Use stone
\fIN\fP.
.TQ
.B \-k
.RS
Keep it.
.RE
.IP \(bu 2
first
.IP (a)
second
.SS Example
.EX
otter \-s 1 \e
  mussel
.EE
.TS
l l.
a	table
.TE
.SM
Not small.
.MT otter@kelp.example
.ME
"""
TEXT = """NAME

otter - float on the back

SYNOPSIS

otter [-s stone] [file] ...

WHAT IT DOES

The otter opens mussels, as kelp(7) says.

See the kelp page <https://kelp.example>.

-s, --stone=N
Use stone N.
-k

Keep it.

\u2022 first

(a) second

Example

otter -s 1 \\
  mussel

Not small. otter@kelp.example"""

MDOC = r""".Dd January 5, 2026
.Dt OTTER 8
.Os
.Sh NAME
.Nm otter
.Nd floats
.Sh DESCRIPTION
The
.Nm
utility reads
.Ar stones
from
.Pa /etc/stones .
.Bl -tag -width Ds
.It Fl s Ar stone
One
.Dq good
stone, see
.Xr kelp 7 .
.El
.Dl otter -s 1
"""
MDOC_TEXT = """NAME

otter \u2014 floats

DESCRIPTION

The otter utility reads stones from /etc/stones.

-s stone
One \u201cgood\u201d stone, see kelp(7).

otter -s 1"""

POD = r""".ie n \{\
.    ds C` ""
.    ds C' ""
'br\}
.TH POD 3pm "2026-01-31"
.IX Title "POD 3pm"
.SH "NAME"
Pod \- \*(C`x\*(C'
.Sp
.Vb 2
\&  my $x;
.Ve
"""


def test_page_of_man_macros() -> None:
    assert roff_text.VERSION == 1  # raise it when the text of these pages changes
    page = read_page(MAN)
    assert page.text == TEXT
    assert page.metadata == {"date": "2026-01-31", "section": "1", "title": "OTTER"}
    assert page.redirect == ""


def test_page_of_mdoc_macros() -> None:
    page = read_page(MDOC)
    assert page.text == MDOC_TEXT
    assert page.metadata == {"dated": "January 5, 2026", "section": "8", "title": "OTTER"}


def test_page_that_pod_writes() -> None:
    assert read_page(POD).text == 'NAME\n\nPod - "x"\n\n  my $x;'


def test_page_that_asciidoctor_and_docutils_write() -> None:
    page = read_page(
        ".de URL\n\\fI\\\\$2\\fP <\\\\$1>\\\\$3\n..\n.LINKSTYLE blue R < >\n"
        '.sp\nText of\n.URL "https://a.example" "A" "."\n'
        ".sp\n.RS 4\n.ie n \\{\\\n\\h'-04'\\(bu\\h'+03'\\c\n.\\}\n.el \\{\\\n.IP \\(bu 2.3\n.\\}\n"
        "an item\n.RE\n.INDENT 0.0\n.TP\n.B \\-k\nkeep\n.UNINDENT\n"
    )
    assert page.text == "Text of A <https://a.example>.\n\n\u2022 an item\n\n-k\nkeep"


@pytest.mark.parametrize(
    ("before", "after", "between"),
    [
        ("sea", "otter", " "),
        ("\u6d77", "\u737a", ""),
        ("\u3067\u3059\u3002", "\u307e\u305f", ""),
        ("\u6d77", "otter", " "),
        ("\ubc14\ub2e4", "\uc218\ub2ec", " "),
    ],
)
def test_lines_are_joined_as_their_language_parts_words(
    before: str, after: str, between: str
) -> None:
    assert read_page(f".SH \u540d\u524d\n{before}\n{after}\n").text == (
        f"\u540d\u524d\n\n{before}{between}{after}"
    )


def test_page_that_names_another_has_no_text() -> None:
    assert read_page(".so man1/otter.1\n") == ("", {}, "man1/otter.1")
    assert read_page('.\\" nothing\n') == ("", {}, "")
