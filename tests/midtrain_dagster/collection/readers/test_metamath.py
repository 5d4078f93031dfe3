import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINE = "#*#*#*#*#*#*#*#*#*#*"
DATABASE = f"""$( A database.
{LINE}
   Of very little
{LINE}
$)
$c |- $.

$(
=-=-=-=-=-=-=-=-=-=-
   Identity
=-=-=-=-=-=-=-=-=-=-
$)
  $( A law. $)
  id $p |- ( a -> a ) $= ( wi ax-1 ax-2 ) ABCD $.
$( no heading
of course $)

$(
-.-.-.-.-.-.-.-.-.-.
   Last
-.-.-.-.-.-.-.-.-.-.
$)
"""


def test_a_database_is_divided_at_its_headings(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.mm.gz").write_bytes(gzip.compress(DATABASE.encode()))
    (tmp_path / "plain.mm").write_bytes(b"  $c x $.\r\n$v y $.\r\n")
    collected = collect(reader="metamath", paths=["."])
    texts = collected.texts
    assert "\n\n".join(texts[f"a.mm.gz:{n}"] for n in range(3)) == DATABASE.strip()
    assert texts["a.mm.gz:1"].startswith("$(\n=-=-")
    assert "no heading" in texts["a.mm.gz:1"]
    assert texts["plain.mm:0"] == "$c x $.\n$v y $."


def test_what_is_no_text_is_rejected(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.mm").write_bytes(b"caf\xe9")
    assert collect(reader="metamath", paths=["."]).reasons == {"a.mm": "invalid_encoding"}
