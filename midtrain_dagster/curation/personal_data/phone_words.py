# ruff: noqa: E501, RUF001, SIM905 - words of many scripts
"""Words that say of the number behind them that it is a telephone's, or that it is something else.

In the languages of the larger numbering plans. A word is letters alone, in any case; a stem stands
for all words that begin with it. Scripts written without spaces are searched for parts of words.
"""

import re

_LATIN = "A-Za-z\u00c0-\u024f"
_WORD = re.compile(rf"[{_LATIN}]+|[^\W\d_{_LATIN}]+")

_FOR = frozenset(
    """
    ph mob mobil cell fax handy gsm sms tlf tfno tfn fono hp viber telegram signal hotline mobile
    mobiles móvil movil celular cel cellulare dial call calls called calling
    reach ruf rufe durchwahl whatsapp ligue ligar llame llama llamar llámame llámanos marque
    chiama chiamare chiami bel dzwoń zadzwoń cep arayın hubungi imessage facetime pager
    landline voip recapito switchboard tel tél tels téls phone phones fon tlfn komórka telp
    """.split()
)
_FOR_STEMS = (
    "phone", "telefo", "téléphon", "telephon", "teléfon", "telefax", "telef", "handyn", "mobiln",
    "mobilt", "mobilf", "contact", "kontakt", "contatt", "anruf", "rückruf", "erreich", "appel",
    "joign", "rappel", "comuníq", "rufen", "ruft", "тел", "моб", "звон", "позвон", "факс",
    "τηλ", "κιν", "هاتف", "اتصل", "جوال", "موبايل", "تلفن", "טלפון", "נייד",
)  # fmt: skip
_FOR_ENDS = ("phone", "telefon", "téléphone", "tel", "mobile", "telefono", "teléfono")
_FOR_PARTS = (
    "電話", "电话", "手机", "手機", "联系", "聯繫", "聯絡", "联络", "拨打", "致电", "热线",
    "座机", "传真", "打给", "携帯", "連絡", "ファックス", "전화", "연락", "휴대", "핸드폰", "문의", "โทร", "☎",
    "📞", "📱", "☏", "📲", "कॉल", "फ़ोन", "फोन", "मोबाइल", "संपर्क",
)  # fmt: skip

_AGAINST = frozenset(
    """
    isbn issn ean upc gtin sku asin doi pmid arxiv sn ticket case id ids uuid item part rfc section
    page price prices total amount epoch time size bytes port pid zip plz vat tax iban account acct
    tracking track parcel nota population checksum crc hash commit build revision offset index line
    row passport ssn nss siret siren lot batch barcode customer transaction txn booking reservation
    flight patent bug issue pr entry record node member policy claim licence license imei imsi iccid
    mac resolution cas version versions date dates
    """.split()
)
_AGAINST_STEMS = (
    "serial", "order", "invoice", "refer", "article", "model", "latit", "longit", "coord",
    "timestamp", "konto", "bestell", "rechnung", "kunden", "artikel", "auftrag", "vorgang",
    "aktenz", "sendung", "seriennu", "pedido", "factur", "command", "ordin", "fattur", "zamówi",
    "sipari", "dimension", "sequence", "encomenda", "заказ", "счет", "счёт", "артикул",
    "الطلب",
)  # fmt: skip
_AGAINST_PARTS = (
    "订单",
    "訂單",
    "编号",
    "編號",
    "注文",
    "型番",
    "주문",
    "ऑर्डर",
    "快递",
    "単号",
    "单号",
)


_PARTS = re.compile(f"({'|'.join(_FOR_PARTS)})|{'|'.join(_AGAINST_PARTS)}")


def names_phone(before: str) -> bool | None:
    """True if the nearest word that says what follows says a telephone; None if none says."""
    said, at = None, 0
    if not before.isascii():
        for part in _PARTS.finditer(before):
            said, at = part.group(1) is not None, part.end()
    for match in reversed(list(_WORD.finditer(before, at))):
        word = match.group().lower()
        if word in _FOR or word.startswith(_FOR_STEMS) or word.endswith(_FOR_ENDS):
            return True
        if word in _AGAINST or word.startswith(_AGAINST_STEMS):
            return False
    return said
