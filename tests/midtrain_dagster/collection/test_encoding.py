import pytest
import webencodings
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from midtrain_dagster.collection.encoding import (
    EncodingError,
    decoded_page,
    decoded_text,
    header_charset,
)

MULTIPLE = {"big5", "euc-jp", "euc-kr", "gb18030", "gbk", "iso-2022-jp", "shift_jis"}
UNICODE = {"utf-8", "utf-16be", "utf-16le"}
SINGLE = sorted({*LABELS.values()} - MULTIPLE - UNICODE - {"replacement", "x-user-defined"})

# Where the standard's tables are not those of Python's codecs, by its index-koi8-u.txt and
# index-windows-1255.txt; what Windows left open are C1 controls there.
OTHER = {"koi8-u": {0xAE: "\u045e", 0xBE: "\u040e"}, "windows-1255": {0xCA: "\u05ba"}}
# index-windows-*.txt leave these open, as Python's codecs do.
OPEN = {
    "windows-1253": {0xAA, 0xD2, 0xFF},
    "windows-1255": {0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xFB, 0xFC, 0xFF},
    "windows-1257": {0xA1, 0xA5},
    "windows-874": {*range(0xDB, 0xDF), *range(0xFC, 0x100)},
}


def page(*, charset: str | None = None, meta: str = "", text: bytes = b"x") -> str:
    return decoded_page(meta.encode() + b"<p>" + text, charset).partition("<p>")[2]


@pytest.mark.parametrize("name", SINGLE)
def test_single_bytes_are_the_standards(name: str) -> None:
    codec = webencodings.lookup(name).codec_info
    for byte in range(256):
        data = bytes([byte])
        try:
            expected: str | None = codec.decode(data, "strict")[0]
        except UnicodeDecodeError:
            windows = name.startswith("windows") and byte not in OPEN.get(name, ())
            expected = chr(byte) if windows else None
        expected = OTHER.get(name, {}).get(byte, expected)
        if expected is None:
            with pytest.raises(EncodingError, match=f"invalid {name} after 3 characters"):
                page(charset=name, text=data)
        else:
            assert page(charset=name, text=data) == expected, hex(byte)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        # Each is in the standard's index and in no codec of Python's by that name.
        ("gbk", b"\x80\xa2\xa1", "\u20ac\u2170"),
        ("gb18030", b"\x84\x31\xa4\x37\xa8\xbf", "\ufffd\u01f9"),
        ("big5", b"\xfa\x40\xa1\x5a\xf9\xd6", "\U00020547\u2574\u7881"),
        ("euc-jp", b"\xad\xa1\xad\xea\xa1\xc1\xf9\xa1", "\u2460\u3231\uff5e\u7e8a"),
        ("shift_jis", b"\x87\x40\x87\x8a\x81\x60\xfa\x5c", "\u2460\u3231\uff5e\u7e8a"),
        ("euc-kr", b"\x8c\x63\xb0\xa1", "\ub620\uac00"),
        ("iso-2022-jp", b"\x1b$B\x2d\x21\x1b(B!", "\u2460!"),
        ("x-mac-cyrillic", b"\xa2\xb6\xff", "\u0490\u0491\u20ac"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
    ],
)
def test_more_bytes_are_the_standards(name: str, data: bytes, text: str) -> None:
    assert page(charset=name, text=data) == text


def test_every_label_of_the_standard_is_known() -> None:
    assert len(LABELS) >= 228
    for label, name in LABELS.items():
        header, meta = f" {label.upper()}\t", f'<META CHARSET=" {label} ">'
        if name == "replacement":
            with pytest.raises(EncodingError, match="browsers refuse"):
                page(charset=header)
            with pytest.raises(EncodingError, match="browsers refuse"):
                page(meta=meta)
        elif name in {"utf-16le", "utf-16be"}:
            data = "<p>\u20ac".encode(name)
            assert decoded_page(data, header) == "<p>\u20ac"
            assert page(meta=meta, text="\u20ac".encode()) == "\u20ac"
        else:
            text = {"x-user-defined": "\u20ac"}.get(name) or "x"
            data = b"\x80" if name == "x-user-defined" else b"x"
            assert page(meta=meta, text=data) == text
            assert page(charset=header, text=b"x") == "x"


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-8859-9", b"\x93I\xfe\xfdk\x94", "\u201cI\u015f\u0131k\u201d"),
        ("latin1", b"\x93caf\xe9\x94", "\u201ccaf\u00e9\u201d"),
        ("us-ascii", b"\x80", "\u20ac"),
        ("tis-620", b"\x93\xa1\x94", "\u201c\u0e01\u201d"),
        ("iso-8859-11", b"\x85", "\u2026"),
        ("gb2312", b"\x8d\xa3\xe9F", "\u5d33\u9555"),
        ("ks_c_5601-1987", b"\x8c\x63", "\ub620"),
        ("x-sjis", b"\x82\xa0", "\u3042"),
        ("windows-31j", b"\x87\x54", "\u2160"),
        ("big5-hkscs", b"\x88\x62", "\u00ca\u0304"),
        ("logical", b"\xf9", "\u05e9"),
        ("dos-874", b"\x80", "\u20ac"),
    ],
)
def test_labels_mean_what_browsers_read(label: str, data: bytes, text: str) -> None:
    assert page(charset=label, text=data) == text
    assert page(meta=f"<meta charset={label}>", text=data) == text


E_ACUTE = {"koi8-r": b"\xc9", "windows-1252": b"\xe9", "utf-8": b"\xc3\xa9", "gbk": b"\xa8\xa6"}
"""By which bytes it is told in which encoding a page was read."""


@pytest.mark.parametrize(
    ("head", "read_as"),
    [
        ('<!-- <meta charset="windows-1252"> --><meta charset=utf-8>', "utf-8"),
        ('<!-- <meta charset="windows-1252"> -->', "utf-8"),
        ("<!--><meta charset=gbk>", "gbk"),
        ('<meta name="description" content="charset=koi8-r">', "utf-8"),
        ('<meta data-charset="koi8-r">', "utf-8"),
        ('<meta name=charset content="koi8-r">', "utf-8"),
        ('<a title="<meta charset=windows-1252>">', "utf-8"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<meta charset=utf-16be>", "utf-8"),
        ("<meta charset=x-user-defined>", "windows-1252"),
        ("<meta charset='gbk'>", "gbk"),
        ("<meta charset=' gbk\n'>", "gbk"),
        ("<META\nCharSet = GBK >", "gbk"),
        ("<meta/charset=gbk />", "gbk"),
        ("<meta charset=klingon><meta charset=gbk>", "gbk"),
        ("<meta charset=base64>", "utf-8"),
        ("<meta charset=gbk charset=utf-8>", "gbk"),
        ("<meta charset=gbk><meta charset=utf-8>", "gbk"),
        ('<meta http-equiv="Content-Type" content="text/html; charset = gbk">', "gbk"),
        ("<meta content='text/html;charset=\"gbk\"' http-equiv=content-type>", "gbk"),
        ("<meta http-equiv=content-type content='charset charset=gbk; x'>", "gbk"),
        ("<meta http-equiv=refresh content='0; charset=koi8-r'>", "utf-8"),
        ("<meta content='text/html; charset=koi8-r'>", "utf-8"),
        ("<script>document.write('<meta charset=gbk>')</script>", "gbk"),
        (f"<title>{'x' * 1100}<meta charset=gbk></title>", "utf-8"),
        (f"<!--{'x' * 1100}<meta charset=gbk>-->", "utf-8"),
        (f"{'<link>' * 300}<meta charset=gbk>", "gbk"),
        (f"<head><noscript>{'<link>' * 300}<meta charset=gbk></noscript>", "gbk"),
        (f"{' ' * 1015}<meta charset=gbk>", "gbk"),
        ('<?xml version="1.0" encoding="gbk"?>', "gbk"),
        ("<?xml version='1.0' encoding = 'gbk' ?>", "gbk"),
        ('<?xml version="1.0" encoding="utf-16"?>', "utf-8"),
        ('<?xml version="1.0" encoding="windows-1252"?><meta charset=gbk>', "gbk"),
        ('<?xml version="1.0"?><p encoding="gbk">', "utf-8"),
        (' <?xml version="1.0" encoding="gbk"?>', "utf-8"),
    ],
)
def test_declarations_are_found_as_browsers_find_them(head: str, read_as: str) -> None:
    assert page(meta=head, text=E_ACUTE[read_as]) == "\u00e9"


def test_marks_come_before_headers_and_headers_before_metas() -> None:
    meta = "<meta charset=gbk>"
    for codec in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        marked = f"\ufeff{meta}\u00e9".encode(codec)
        assert decoded_page(marked, "windows-1252") == f"{meta}\u00e9"
        assert decoded_text(marked) == f"{meta}\u00e9"
    assert page(charset="windows-1252", meta=meta, text=b"\xe9") == "\u00e9"
    assert page(charset="klingon", meta=meta, text=b"\xa8\xa6") == "\u00e9"
    assert page(charset="", text=b"\xc3\xa9") == "\u00e9"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_an_xml_declaration_tells_utf16_without_a_mark(codec: str) -> None:
    page = '<?xml version="1.0"?><p>\u043f\u0440\u0438'
    assert decoded_page(page.encode(codec), None) == page


@pytest.mark.parametrize(
    ("charset", "data", "message"),
    [
        (None, b"caf\xe9", "no known encoding is declared, and invalid UTF-8 at byte 3: "),
        ("klingon", b"caf\xe9", "no known encoding is declared, and invalid UTF-8 at byte 3: "),
        ("utf8", b"caf\xe9", "invalid UTF-8 at byte 3: unexpected end"),
        ("utf8", b"\xed\xa0\x80", "invalid UTF-8 at byte 0: "),
        (None, b"\xff\xfea\0\0\xd8", "invalid UTF-16 at byte 4: "),
        ("utf-16", b"a\0\0", "invalid UTF-16 at byte 2: truncated"),
        ("sjis", b"abc\x82", "invalid shift_jis after 3 characters"),
        ("gb2312", b"\x84\x31\xa4\x37\xff", "invalid gbk after 0 characters"),
        ("hz-gb-2312", b"abc", "browsers refuse"),
    ],
)
def test_wrong_bytes_are_told_with_their_place(
    charset: str | None, data: bytes, message: str
) -> None:
    with pytest.raises(EncodingError) as raised:
        decoded_page(data, charset)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        ("text/html; charset=utf-8", "utf-8"),
        ('text/html; charset="utf-8"', "utf-8"),
        ("text/html;charset='gbk'", "gbk"),
        ("text/html;CHARSET = utf8;", "utf8"),
        ("text/html; charset=; charset=koi8-r; charset=gbk", "koi8-r"),
        ("text/html; boundary=x; charset=gbk, text/html", "gbk"),
        ("text/html charset=gbk", "gbk"),
        ("text/html; x-charset=gbk", None),
        ("text/html; charset", None),
        ("", None),
        (None, None),
    ],
)
def test_headers_name_a_charset(header: str | None, charset: str | None) -> None:
    assert header_charset(header) == charset


@given(st.binary(max_size=300), st.sampled_from([None, *sorted({*LABELS.values()})]))
def test_any_bytes_are_text_or_told(data: bytes, charset: str | None) -> None:
    try:
        text = decoded_page(data, charset)
    except EncodingError as error:
        assert str(error)
    else:
        text.encode()  # no lone surrogates


@given(st.text(), st.sampled_from(["utf-8", "windows-1252", "koi8-r", "gbk", "euc-jp", "big5"]))
def test_what_python_encodes_comes_back(text: str, charset: str) -> None:
    data = text.encode(charset, "ignore")
    # The tables of two wide signs differ.
    if not any(sign in text for sign in "\ufeff\xa5\u203e\uff5e\u301c\u2225\u2016\u2014\u2015"):
        assert decoded_page(data, charset) == data.decode(charset)
