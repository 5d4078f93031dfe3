"""Bytes to text by the Encoding and HTML standards of the WHATWG, strictly.

What decides, in this order: a byte order mark; the charset of the HTTP header; a ``meta`` element,
by the HTML standard's prescan of the first 1,024 bytes and, where these have none, by what its
parser meets later (comments, texts and other attributes do not count; ``utf-16`` means UTF-8
there); an XML declaration; else UTF-8. Unknown labels are passed over, as browsers do.

Labels are the standard's (``webencodings``), and so are the tables: ``iso-8859-9`` is
windows-1254, ``gb2312`` is GB 18030, ``shift_jis`` has what Windows added. Python's codecs of
these names are other ones, which lack 463 two-byte characters of EUC-JP and 203 of Big5, so the
standard's come from ``turbohtml``. Its prescan serves, too: on 40 declarations it and html5prescan
said what the standard says, html5lib and tinyhtml5 missed four (``<meta/charset=gbk>``, ``<!-->``,
a second "charset" in a content, utf-16 as UTF-8), and resiliparse does not tell a declaration from
its guess. It takes a microsecond.

Browsers replace what they cannot decode. Here it raises, with its place: a wrong byte mostly says
that the label is wrong, and then every other letter is, too. For the same reason a page that says
nothing and is not UTF-8 is no windows-1252, which is what browsers would guess. A label that
contradicts the bytes but decodes them is believed: the source's ``repair`` mends that.
"""

import codecs
import re

from webencodings import lookup

VERSION = 1

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does, and then with a NUL
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF16_DECLARATIONS = ((b"<\0?\0x\0", "utf-16le"), (b"\0<\0?\0x", "utf-16be"))
_STRICT = {"utf-8": "utf-8", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
"""Encodings whose tables Python shares, by their names in the standard."""

_PRESCANNED = 1024
_FALLBACK = ("windows-1252", "tentative")
_GB18030_REPLACEMENT = b"\x84\x31\xa4\x37"
_CHARSET = re.compile(rb"charset", re.IGNORECASE)
_CHARSET_PARAMETER = re.compile(
    r"""(?<=[;,\s])charset\s*=\s*(?:"([^"]*)"?|'([^']*)'|([^\s;,"']+))""", re.IGNORECASE
)
# "Get an XML encoding" of the HTML standard.
_XML_DECLARATION = re.compile(
    rb"""<\?xml[^>]*?encoding[\0- ]*=[\0- ]*(?:"([^"\0- ]+)"|'([^'\0- ]+)')"""
)


class EncodingError(ValueError):
    """Bytes that are not text in the encoding that is declared; the message says where."""


def decoded_text(data: bytes) -> str:
    """The text of a file: in the encoding of its byte order mark, else UTF-8.

    Raises EncodingError with the first byte that is not valid.
    """
    marked = _marked(data)
    return marked if marked is not None else _strictly(data, "utf-8", 0)


def decoded_page(page: bytes, charset: str | None) -> str:
    """The markup of a page of HTML; ``charset`` is what the HTTP header says, if anything.

    Raises EncodingError for what is not valid in the page's encoding, for an encoding that is no
    text to browsers, and for a page that declares none and is not UTF-8.
    """
    marked = _marked(page)
    if marked is not None:
        return marked
    encoding = lookup(charset) if charset else None
    name = encoding.name if encoding else _declared(page)
    if name is None:
        try:
            return _strictly(page, "utf-8", 0)
        except EncodingError as error:
            raise EncodingError(f"no known encoding is declared, and {error}") from error
    if name == "replacement":
        raise EncodingError(
            "the page declares an encoding that browsers refuse (hz-gb-2312, iso-2022-kr, ...)"
        )
    if name in _STRICT:
        return _strictly(page, _STRICT[name], 0)
    return _by_table(page, name)


def header_charset(content_type: str | None) -> str | None:
    """The first charset of a ``Content-Type`` header that is not empty, as it stands."""
    for found in _CHARSET_PARAMETER.finditer(content_type or ""):
        label = next(filter(None, found.groups()), "").strip()
        if label:
            return label
    return None


def _marked(data: bytes) -> str | None:
    """The text behind a byte order mark, if there is one."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return _strictly(data, codec, len(mark))
    return None


def _declared(page: bytes) -> str | None:
    """The standard's name of the encoding that the page itself declares."""
    from turbohtml import parse

    for beginning, name in _UTF16_DECLARATIONS:
        if page.startswith(beginning):
            return name
    begin = parse(page[:_PRESCANNED])
    found = begin.encoding, begin.encoding_confidence
    if found[1] != "certain" and _CHARSET.search(page, _PRESCANNED - 8):
        whole = parse(page)
        found = whole.encoding, whole.encoding_confidence
    if found != _FALLBACK and found[0] is not None:
        return found[0].lower()
    declaration = _XML_DECLARATION.match(page[:_PRESCANNED])
    if declaration is None:
        return None
    encoding = lookup((declaration.group(1) or declaration.group(2)).decode("latin-1"))
    if encoding is None:
        return None
    return "utf-8" if encoding.name in _STRICT else encoding.name


def _strictly(data: bytes, codec: str, start: int) -> str:
    try:
        return data[start:].decode(codec)
    except UnicodeDecodeError as error:
        name = codec.upper().removesuffix("-LE").removesuffix("-BE")
        place = start + error.start
        raise EncodingError(f"invalid {name} at byte {place}: {error.reason}") from error


def _by_table(data: bytes, name: str) -> str:
    """Decoded by one of the standard's tables, which holds no U+FFFD but GB 18030's own."""
    import turbohtml.detect  # noqa: F401 - registers the codecs

    text = data.decode(f"whatwg-{name}")
    wrong = text.find("\ufffd")
    if wrong >= 0 and text.count("\ufffd") > data.count(_GB18030_REPLACEMENT):
        raise EncodingError(f"invalid {name} after {wrong} characters")
    return text
