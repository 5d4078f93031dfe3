import gzip
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.collection.readers import manual_page

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


def test_macros_of_man(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "otter.1.gz").write_bytes(gzip.compress(MAN.encode()))
    collected = collect(reader="manual_page", paths=["."])
    assert collected.texts == {"otter.1.gz": TEXT}
    assert collected.documents["format"].item() == "plain"
    assert collected.documents["metadata"].item() == (
        '{"date": "2026-01-31", "section": "1", "title": "OTTER"}'
    )


def test_macros_of_mdoc(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "otter.8").write_text(MDOC)
    collected = collect(reader="manual_page", paths=["."])
    assert collected.texts == {"otter.8": MDOC_TEXT}
    assert collected.documents["metadata"].item() == (
        '{"dated": "January 5, 2026", "section": "8", "title": "OTTER"}'
    )


def test_pages_that_other_programs_write(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "pod.3").write_text(POD)
    (tmp_path / "ascii.7").write_text(
        ".de URL\n\\fI\\\\$2\\fP <\\\\$1>\\\\$3\n..\n.LINKSTYLE blue R < >\n"
        '.sp\nText of\n.URL "https://a.example" "A" "."\n'
        ".sp\n.RS 4\n.ie n \\{\\\n\\h'-04'\\(bu\\h'+03'\\c\n.\\}\n.el \\{\\\n.IP \\(bu 2.3\n.\\}\n"
        "an item\n.RE\n.INDENT 0.0\n.TP\n.B \\-k\nkeep\n.UNINDENT\n"
    )
    assert collect(reader="manual_page", paths=["."]).texts == {
        "ascii.7": "Text of A <https://a.example>.\n\n\u2022 an item\n\n-k\nkeep",
        "pod.3": 'NAME\n\nPod - "x"\n\n  my $x;',
    }


def test_other_languages(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.1").write_text(
        ".TH A 1 2026\u5e741\u6708\n.SH \u540d\u524d\n\u6d77\u737a\u306f\n\u6d6e\u304f\u3002\n"
        ".PP\n\u00dcber\n\u8c9d\n",
        encoding="utf-8",
    )
    text = "\u540d\u524d\n\n\u6d77\u737a\u306f\u6d6e\u304f\u3002\n\n\u00dcber \u8c9d"
    assert collect(reader="manual_page", paths=["."]).texts == {"a.1": text}


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.1", b".so man1/otter.1\n", "redirect"),
        ("a.1", b".TH A 1\n.SH NAME\ncaf\xe9\n", "invalid_encoding"),
        ("a.1", b'.\\" nothing\n', "empty"),
        ("a.1.gz", gzip.compress(MAN.encode())[:-20], "broken_stream"),
        ("a.1", MAN.encode() * 20, "too_large"),
    ],
)
def test_rejections(
    tmp_path: Path, collect: Callable[..., Any], name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.8").write_text(MDOC)
    collected = collect(reader="manual_page", paths=["."])
    assert collected.reasons == {name: reason}
    assert list(collected.texts) == ["good.8"]


def test_output_is_pinned(tmp_path: Path, collect: Callable[..., Any]) -> None:
    # Change VERSION when this changes.
    for name, data in {"a.1": MAN, "b.8": MDOC, "c.3": POD}.items():
        (tmp_path / name).write_text(data)
    documents = collect(reader="manual_page", paths=["."]).documents
    digest = blake2b("".join(documents["id"]).encode(), digest_size=8).hexdigest()
    assert manual_page.VERSION == 1
    assert digest == "fbaa0bb904e20308"
