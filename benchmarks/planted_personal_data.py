# ruff: noqa: E501, RUF001, SIM905 - templates in many scripts, a line each
"""Planted personal data and what looks like it, in two halves: to develop on, and held out.

    python -m benchmarks.planted_personal_data [--half held_out] [--seed 2] [--each 300]

Values are made anew from a seed: addresses over all public suffixes and scripts, numbers of each
region's plan (valid by ``phonenumbers``) in the forms that people write them, accounts of each
country, cards of each issuer, keys of each vendor. The halves share no template, no seed and no
vendor, and the held-out half has regions that the other has not. Each value stands in a sentence, a
log, code or a table; half of the telephones stand without a word that names them.

Printed for each kind and region: planted values that are covered whole (recall), those of them with
exactly their bounds, what else was found of the kind in all texts, and precision. Hard negatives
(versions, ISBN, hashes, dates, orders, coordinates, tables, ...) are searched with all regions set.
"""

import argparse
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from midtrain_dagster.curation.personal_data.spans import TYPES, personal_data

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

DIGITS, HEX = string.digits, "0123456789abcdef"
LOWER, UPPER, LETTERS = string.ascii_lowercase, string.ascii_uppercase, string.ascii_letters
ALNUM, URL_SAFE = LETTERS + DIGITS, LETTERS + DIGITS + "_-"

REGIONS = {
    "development": ["US", "GB", "DE", "FR", "ES", "IT", "IN", "CN"],
    "held_out": [
        "US", "GB", "DE", "FR", "ES", "IT", "IN", "CN", "JP", "BR", "RU", "NL", "PL", "SE", "AU",
        "CH", "TR", "KR", "MX", "BE", "PT", "CZ",
    ],
}  # fmt: skip

NAMED = {
    "development": [
        "Call me at {} tomorrow.", "Tel.: {}", "phone: {}", "Rufen Sie {} an, Telefon {}!",
        "téléphone {}, merci", "Llámame al {}.", "Telefono: {}", "电话：{}。", "mobile {} (home)",
        'contact = {{"phone": "{}"}}', "| Anna | phone {} | Berlin |", "Fax {}\nBonn",
    ],
    "held_out": [
        "You can reach her by phone on {} after six.", "Phone no. {};", "T: Telefon {}, Zimmer 4",
        "Mobil: {}", "Appelez le {} avant midi", "mi móvil es {}, ok?", "cell. {}", "手机:{}，谢谢",
        "連絡先：{}まで", "Тел. {}", "전화 {}로 문의", "phone_number={}", "<td>Telephone</td><td>{}</td>",
        "tel:{}", "WhatsApp {}", "Para reservas llame al {}.", "Ligue para {} hoje", "{} पर कॉल करें",
        "contatto telefonico {};", "Sprechzeiten unter Tel. {}, Herr Ott", '"mobilePhone":"{}"',
    ],
}  # fmt: skip
BARE = {
    "development": [
        "Ms. Miller, {}, is in charge.", "({})", "Zimmer frei: {} (Anna)", "- {}\n",
        "Please try {} instead.", "Anna; {}; Bonn",
    ],
    "held_out": [
        "Ask for Sam: {}.", "Praxis Dr. Weber, {}", "[{}] Sra. Pérez", "or {} if nobody answers",
        "«{}»", "Jan {}\nEva", "Rückfragen an Eva Ott, {}, bis Freitag", "* {} (Büro)", "请拨{}。",
    ],
}  # fmt: skip
PLAIN = {
    "development": [
        "Write to {} today.", "<{}>", "({})", "Kontakt: {}, danke", "mail='{}'", "to={}&x=1",
        "邮箱：{}。", "log: user {} signed in", "| {} | ok |", "see \u00ab{}\u00bb", "{}", "x\t{}\ty",
    ],
    "held_out": [
        "Her address is {}, I think.", "[{}]", "\u201c{}\u201d", "Adresse : {} ; merci",
        'send("{}")', "value={}\n", "メールは{}まで", "12:04:33 INFO from {} ok", "a|{}|b", "*{}*",
        "{}; {}", "\u2014{}\u2014", "field,{},field", "Re: {}?", "é: {}!", "{}\u3002\u3042", "<a>{}</a>",
    ],
}  # fmt: skip
ADDRESSED = {
    "development": ["Host:{}", "from {} port 22", "http://{}/x", "({})", "ip={}", "{} - - [1/Jan]"],
    "held_out": [
        "Server:{}", "ssh root@{}", "https://{}:8443/", "[{}]", '"addr": "{}"', "peer {} left.",
        "{}, timeout", "地址：{}。", "ping {}\n", "remote=\u201c{}\u201d",
    ],
}  # fmt: skip


class Planted(NamedTuple):
    """A text, the values in it that must be found, and the regions that are set for it."""

    text: str
    type: str | None
    value: str
    group: str


def some(rng: random.Random, alphabet: str, count: int) -> str:
    """That many random signs."""
    return "".join(rng.choice(alphabet) for _ in range(count))


def _in(rng: random.Random, templates: Sequence[str], value: str) -> str:
    template = rng.choice(templates).replace("{{", "{").replace("}}", "}")
    bracketed = "://" in template and value.startswith("2a")
    return template.replace("{}", f"[{value}]" if bracketed else value)


# Addresses


def email(rng: random.Random) -> tuple[str, str]:
    """An address and its group."""
    from publicsuffixlist import PublicSuffixList

    suffixes = _top_levels(PublicSuffixList())
    name = rng.choice(["anna", "jan.de.vries", "o'brien", "m_garcia", "x", "hans-peter", "li2"])
    host = rng.choice(["firma", "mail.uni-x", "a1", "corp", "shop24"])
    kind = rng.choice(["new suffix", "new suffix", "common", "common", "RFC 5322", "international"])
    if kind == "new suffix":
        return f"{name}@{host}.{rng.choice(suffixes)}", kind
    if kind == "common":
        return f"{name}@{host}.{rng.choice(['com', 'de', 'co.uk', 'org', 'fr', 'com.br'])}", kind
    if kind == "RFC 5322":
        odd = rng.choice(["+tag", "/dept", "!x", "#1", "$q", "&co", "*z", "?p", "^k", "~w", "%gw"])
        return f"{name}{odd}@{host}.net", kind
    local = rng.choice(["müller.hans", "josé", "иван.петров", "用户", "søren+x", "αλέξης"])
    domain = rng.choice(
        ["firma.de", "bücher.example-shop.at", "пример.рф", "例子.中国", "xn--p1b.in"]
    )
    return f"{local}@{domain}", kind


def _top_levels(suffixes: object) -> list[str]:
    from publicsuffixlist import PublicSuffixList

    assert isinstance(suffixes, PublicSuffixList)
    names = "app dev photography museum berlin xyz ninja guru solutions engineer lawyer doctor art"
    names += " bank audio cafe dental expert fitness games health kitchen legal london marketing"
    return [name for name in names.split() if suffixes.is_public(name, accept_unknown=False)]


def ip_address(rng: random.Random) -> tuple[str, str]:
    """A public address and its group."""
    import ipaddress

    while True:
        if rng.random() < 0.3:
            value = f"2a{rng.choice('0246')}{rng.choice(HEX)}:{some(rng, HEX, 3)}1::{some(rng, HEX, 3)}1"
            group = "IPv6"
        else:
            value = ".".join(str(rng.randint(21, 223)) for _ in range(4))
            group = "IPv4"
        if ipaddress.ip_address(value).is_global:
            return value, group


def phone(rng: random.Random, region: str) -> tuple[str, str]:
    """A valid number of a region as somebody writes it, and the group of its form."""
    import phonenumbers as library

    number = _number(rng, region)
    form = rng.choice(
        ["national", "national", "regrouped", "plain", "international", "00", "spaces"]
    )
    national = library.format_number(number, library.PhoneNumberFormat.NATIONAL)
    abroad = library.format_number(number, library.PhoneNumberFormat.INTERNATIONAL)
    if form == "regrouped":
        national = _regrouped(rng, national)
    elif form == "plain":
        national = "".join(sign for sign in national if sign.isdigit())
    elif form == "international":
        national = rng.choice([abroad, abroad.replace(" ", ""), abroad.replace(" ", "-")])
    elif form == "00":
        national = "00" + rng.choice([abroad, abroad.replace(" ", "")]).removeprefix("+")
    elif form == "spaces":
        spaces: dict[str | int, str | int | None] = {
            " ": rng.choice("\u00a0\u2009\u202f"),
            "-": rng.choice("\u2010\u2011\u2013"),
        }
        national = national.translate(str.maketrans(spaces))
        if region in {"JP", "CN"} and rng.random() < 0.5:
            national = national.translate({ord(sign): ord(sign) + 0xFEE0 for sign in DIGITS})
    return national, form


def _number(rng: random.Random, region: str) -> "PhoneNumber":
    import phonenumbers as library

    while True:
        kind = rng.choice([library.PhoneNumberType.FIXED_LINE, library.PhoneNumberType.MOBILE])
        example = library.example_number_for_type(region, kind)
        if example is None:
            continue
        digits = list(library.national_significant_number(example))
        for at in range(2, len(digits)):
            digits[at] = rng.choice(DIGITS)
        try:
            number = library.parse(f"+{example.country_code}{''.join(digits)}")
        except library.NumberParseException:
            continue
        fiction = number.country_code == 1 and "55501" in "".join(digits)
        if library.is_valid_number_for_region(number, region) and not fiction:
            return number


def _regrouped(rng: random.Random, national: str) -> str:
    """The digits behind the first group in groups of three, with the rest at the end."""
    first, separator, rest = national.partition(" ")
    if not separator:
        first, separator, rest = national.partition("-")
    digits = "".join(sign for sign in rest if sign.isdigit())
    if len(digits) < 6:
        return national
    size = rng.choice([3, len(digits)])
    groups = [digits[at : at + size] for at in range(0, len(digits), size)]
    if len(groups[-1]) < 2:
        groups[-2:] = ["".join(groups[-2:])]
    return f"{first} {' '.join(groups)}"


# Numbers that prove themselves, and keys


def iban(rng: random.Random) -> tuple[str, str]:
    """An account and the group of its form."""
    from stdnum import iban as library
    from stdnum import numdb

    registry = numdb.get("iban")
    country = rng.choice("DE GB FR ES IT NL CH AT BE PL PT SE NO DK FI IE GR CZ HU RO MT".split())
    structure = registry.info(country)[0][1]["bban"]
    alphabets = {"n": DIGITS, "a": UPPER, "c": DIGITS + UPPER}
    account = ""
    for part in (
        structure.replace("!", " ")
        .replace("n", "n,")
        .replace("a", "a,")
        .replace("c", "c,")
        .split(",")
    ):
        if part:
            length, kind = part.split()
            account += some(rng, alphabets[kind], int(length))
    value = country + library.calc_check_digits(f"{country}xx{account}") + account
    form = rng.choice(["together", "groups", "lower case", "no-break spaces", "lower groups"])
    if "group" in form or "spaces" in form:
        value = library.format(value, "\u00a0" if "spaces" in form else " ")
    return (value.lower() if "lower" in form else value), form


def card(rng: random.Random) -> tuple[str, str]:
    """A card's number and its issuer."""
    from stdnum import luhn

    issuer, prefix, length = rng.choice(
        [("Visa", "4", 16), ("Mastercard", "5" + rng.choice("12345"), 16), ("Amex", "37", 15),
         ("Mastercard", "2" + rng.choice("3456"), 16), ("Discover", "6011", 16),
         ("Diners", "36", 14), ("JCB", "3530", 16), ("UnionPay", "62", 16)]
    )  # fmt: skip
    digits = prefix + some(rng, DIGITS, length - len(prefix) - 1)
    digits += luhn.calc_check_digit(digits)
    if length == 16 and rng.random() < 0.5:
        sign = rng.choice([" ", "-", "\u00a0", "\u2011"])
        digits = sign.join(digits[at : at + 4] for at in range(0, 16, 4))
    return digits, issuer


Vendor = Callable[[random.Random], str]
VENDORS: dict[str, Vendor] = {
    "AWS": lambda r: "AKIA" + some(r, UPPER + "234567", 16),
    "GitHub": lambda r: "ghp_" + some(r, ALNUM, 36),
    "GitHub fine-grained": lambda r: f"github_pat_{some(r, ALNUM, 22)}_{some(r, ALNUM, 59)}",
    "GitLab": lambda r: "glpat-" + some(r, URL_SAFE, 19) + "x",
    "Slack bot": lambda r: f"xoxb-{some(r, DIGITS, 12)}-{some(r, DIGITS, 12)}-{some(r, ALNUM, 24)}",
    "Slack webhook": lambda r: (
        "https://hooks.slack.com/services/T"
        + f"{some(r, UPPER, 8)}/B{some(r, UPPER, 8)}/{some(r, ALNUM, 24)}"
    ),
    "Google": lambda r: "AIza" + some(r, URL_SAFE, 34) + "x",
    "Google OAuth": lambda r: "GOCSPX-" + some(r, URL_SAFE, 27) + "x",
    "Stripe": lambda r: "sk_live_" + some(r, ALNUM, 24),
    "Stripe webhook": lambda r: "whsec_" + some(r, ALNUM, 32),
    "OpenAI": lambda r: f"sk-{some(r, ALNUM, 20)}T3BlbkFJ{some(r, ALNUM, 20)}",
    "Anthropic": lambda r: f"sk-ant-api03-{some(r, URL_SAFE, 93)}AA",
    "Hugging Face": lambda r: "hf_" + some(r, LETTERS, 34),
    "npm": lambda r: "npm_" + some(r, ALNUM, 36),
    "PyPI": lambda r: "pypi-AgEIcHlwaS5vcmc" + some(r, URL_SAFE, 99) + "x",
    "SendGrid": lambda r: f"SG.{some(r, URL_SAFE, 22)}.{some(r, URL_SAFE, 42)}x",
    "Twilio": lambda r: "SK" + some(r, HEX, 32),
    "Telegram": lambda r: f"{r.randint(10**8, 10**10 - 1)}:AA{some(r, URL_SAFE, 32)}x",
    "Discord webhook": lambda r: (
        "https://discord.com/api/webhooks/" + f"{some(r, DIGITS[1:], 18)}/{some(r, URL_SAFE, 67)}x"
    ),
    "Discord bot": lambda r: f"M{some(r, ALNUM, 23)}.{some(r, ALNUM, 6)}.{some(r, URL_SAFE, 26)}x",
    "Mailgun": lambda r: "key-" + some(r, HEX, 32),
    "Mailchimp": lambda r: some(r, HEX, 32) + "-us12",
    "Shopify": lambda r: "shpat_" + some(r, HEX, 32),
    "Square": lambda r: "sq0atp-" + some(r, ALNUM, 22),
    "DigitalOcean": lambda r: "dop_v1_" + some(r, HEX, 64),
    "Databricks": lambda r: "dapi" + some(r, HEX, 32),
    "Docker Hub": lambda r: "dckr_pat_" + some(r, ALNUM, 27),
    "Notion": lambda r: "secret_" + some(r, ALNUM, 43),
    "Linear": lambda r: "lin_api_" + some(r, ALNUM, 40),
    "Airtable": lambda r: f"pat{some(r, ALNUM, 14)}.{some(r, HEX, 64)}",
    "Postman": lambda r: f"PMAK-{some(r, HEX, 24)}-{some(r, HEX, 34)}",
    "New Relic": lambda r: "NRAK-" + some(r, UPPER + DIGITS, 27),
    "Grafana": lambda r: f"glsa_{some(r, ALNUM, 32)}_{some(r, HEX, 8)}",
    "Vault": lambda r: "hvs." + some(r, ALNUM, 95),
    "Terraform": lambda r: f"{some(r, ALNUM, 14)}.atlasv1.{some(r, ALNUM, 65)}",
    "Doppler": lambda r: "dp.pt." + some(r, ALNUM, 43),
    "RubyGems": lambda r: "rubygems_" + some(r, HEX, 48),
    "NuGet": lambda r: "oy2" + some(r, LOWER + DIGITS, 43),
    "Groq": lambda r: "gsk_" + some(r, ALNUM, 52),
    "Replicate": lambda r: "r8_" + some(r, ALNUM, 37),
    "Dynatrace": lambda r: f"dt0c01.{some(r, UPPER, 24)}.{some(r, UPPER, 64)}",
    "Netlify": lambda r: "nfp_" + some(r, ALNUM, 36),
    "Contentful": lambda r: "CFPAT-" + some(r, ALNUM, 43),
    "Tailscale": lambda r: f"tskey-auth-{some(r, ALNUM, 12)}-{some(r, ALNUM, 32)}",
    "JSON web token": lambda r: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NzY4ODkifQ." + some(r, ALNUM, 43),
    "private key": lambda r: (
        "-----BEGIN RSA PRIVATE KEY-----\n"
        + "\n".join(some(r, ALNUM + "+/", 64) for _ in range(9))
        + "\n-----END RSA PRIVATE KEY-----"
    ),
}


def secret(rng: random.Random, half: str) -> tuple[str, str]:
    """A key and its vendor; each half has every second vendor."""
    names = list(VENDORS)[0 if half == "development" else 1 :: 2]
    vendor = rng.choice(names)
    return VENDORS[vendor](rng), vendor


# Hard negatives


def _luhn_free(rng: random.Random) -> str:
    return f"4{some(rng, DIGITS, 15)}"


NEGATIVES: dict[str, Callable[[random.Random], str]] = {
    "versions": lambda r: f"version {r.randint(1, 250)}.{r.randint(0, 250)}.{r.randint(0, 250)}.{r.randint(1, 250)}",
    "small versions": lambda r: ".".join(str(r.randint(0, 19)) for _ in range(4)),
    "browsers": lambda r: f"Mozilla/5.0 (X11) Gecko/20100101 {r.choice(['Opera', 'Chrome', 'Edge', 'Whale'])}/"
    + f"{r.randint(21, 120)}.{r.randint(20, 99)}.{r.randint(20, 250)}.{r.randint(20, 250)} Safari/537.36",
    "packages": lambda r: f"libfoo-{r.randint(21, 99)}.{r.randint(21, 99)}.{r.randint(100, 250)}.{r.randint(1, 99)}-1",
    "private addresses": lambda r: f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.7 192.168.1.{r.randint(1, 254)}",
    "documentation addresses": lambda r: f"203.0.113.{r.randint(1, 254)}, 2001:db8::{some(r, HEX, 3)}",
    "example domains": lambda r: f"{some(r, LOWER, 5)}@example.{r.choice(['com', 'org', 'net'])}, a@host.test",
    "decorators": lambda r: f"@{some(r, LOWER, 6)}.setter\n@app.route('/x')\ny = A@B.T + w@self.data.mean()",
    "npm scopes": lambda r: f"npm i @{some(r, LOWER, 5)}/core@{r.randint(1, 20)}.{r.randint(0, 9)}.1 lodash@4.17.21",
    "git remotes": lambda r: f"git clone git@github.com:{some(r, LOWER, 6)}/repo.git; ssh://git@host.org/x",
    "images": lambda r: f"icon-{r.randint(1, 99)}@2x.png, logo@3x.webp",
    "ISBN": lambda r: f"ISBN 978-{r.randint(0, 9)}-{r.randint(10, 99)}-{r.randint(100000, 999999)}-{r.randint(0, 9)}",
    "ISBN alone": lambda r: f"({r.randint(0, 9)}-{r.randint(100, 999)}-{r.randint(10000, 99999)}-X)",
    "hashes": lambda r: f"sha256:{some(r, HEX, 64)} commit {some(r, HEX, 40)} {some(r, HEX, 7)}",
    "UUID": lambda r: "-".join(some(r, HEX, n) for n in (8, 4, 4, 4, 12)),
    "decimal UUID": lambda r: "-".join(some(r, DIGITS, n) for n in (8, 4, 4, 4, 12)),
    "dates": lambda r: f"{r.randint(1900, 2030)}-{r.randint(1, 12):02}-{r.randint(1, 28):02} {r.randint(0, 23):02}:30:15",
    "other dates": lambda r: f"{r.randint(1, 28):02}.{r.randint(1, 12):02}.{r.randint(1900, 2030)} {r.randint(0, 23):02}.15 Uhr",
    "times": lambda r: f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}.{some(r, DIGITS, 6)}",
    "orders": lambda r: f"{r.choice(['Order', 'Bestellnummer', 'pedido', 'commande', 'invoice no.'])} {some(r, DIGITS[1:], 10)}",
    "grouped orders": lambda r: f"Order {some(r, DIGITS, 3)}-{some(r, DIGITS, 7)}-{some(r, DIGITS, 7)}",
    "plain integers": lambda r: f"x = {r.randint(10**8, 10**11)}; y = {r.randint(10**8, 10**11)}",
    "coordinates": lambda r: f"{r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}; +{r.uniform(10, 90):.7f}+{r.uniform(10, 99):.7f}/",
    "sequences": lambda r: ", ".join(str(4111111111111111 + r.randint(0, 9) + 7 * i) for i in range(8)),
    "columns of integers": lambda r: "\n".join(_luhn_free(r) for _ in range(6)),
    "card look-alikes": lambda r: f"id {r.choice('3456')}{some(r, DIGITS, 14)}{'' if r.random() < 0.5 else '00'}",
    "tables": lambda r: "\n".join(" ".join(str(r.randint(1, 9999)) for _ in range(6)) for _ in range(4)),
    "aligned tables": lambda r: "\n".join("  ".join(f"{r.randint(1, 99999):>6}" for _ in range(5)) for _ in range(4)),
    "grouped amounts": lambda r: f"{r.randint(1, 999)} {r.randint(100, 999)} {r.randint(100, 999)} {r.choice(['€', 'EUR', 'inhabitants', 'bytes'])}",
    "prices": lambda r: f"${r.randint(1, 999)},{r.randint(100, 999)}.{r.randint(10, 99)}; € {r.randint(1000, 9999)},00",
    "sections": lambda r: f"section {r.randint(1, 20)}.{r.randint(1, 20)}.{r.randint(1, 20)}.{r.randint(1, 20)}, RFC 2616-3986",
    "page ranges": lambda r: f"J. Comp. {r.randint(10, 99)} ({r.randint(1950, 2020)}) {r.randint(100, 499)}--{r.randint(500, 999)}",
    "serials": lambda r: f"S/N: {some(r, UPPER, 2)}{some(r, DIGITS, 9)}; serial {some(r, DIGITS, 10)}",
    "part numbers": lambda r: f"part {some(r, DIGITS, 3)}-{some(r, DIGITS, 4)}-{some(r, DIGITS, 3)}",
    "binary": lambda r: f"{some(r, '01', 8)} {some(r, '01', 8)} 0x{some(r, HEX, 8)} {' '.join(some(r, DIGITS, 2) for _ in range(12))}",
    "account look-alikes": lambda r: f"DE00{some(r, DIGITS, 18)} AK47 BL12 {some(r, UPPER, 2)}{some(r, DIGITS, 18)}",
    "placeholders": lambda r: 'api_key = "your-api-key-here-1234"; key=AKIAIOSFODNN7EXAMPLE; ghp_' + "x" * 36,
    "names of keys": lambda r: f"token = get_token_v{r.randint(1, 9)}_from_vault; key_{some(r, LOWER, 12)}_id: 17",
    "public keys": lambda r: f"public_key = {some(r, ALNUM, 40)}; fingerprint: {some(r, HEX, 40)}",
    "decimals": lambda r: f"{r.random():.12f} + {r.random():.9f}*I, {r.randint(10, 99)}.{some(r, DIGITS, 9)}",
}  # fmt: skip
FRAMES = {
    "development": ["{}", "See {} there.", "({})", "x = '{}'", "- {}\n"],
    "held_out": ["It was {}, they say.", "[{}]", "# {}\n", "値は{}です。", "\u201e{}\u201c und mehr", "a | {} | b"],
}  # fmt: skip


def planted(half: str, seed: int, each: int) -> Iterator[Planted]:
    """The texts of a half: ``each`` of every kind, of every region and of every negative."""
    rng = random.Random(f"{half} {seed}")
    makers: dict[str, tuple[Callable[[], tuple[str, str]], Sequence[str]]] = {
        "email": (lambda: email(rng), PLAIN[half]),
        "ip_address": (lambda: ip_address(rng), ADDRESSED[half]),
        "iban": (lambda: iban(rng), PLAIN[half]),
        "card": (lambda: card(rng), PLAIN[half]),
        "secret": (lambda: secret(rng, half), PLAIN[half]),
    }
    for type_, (make, templates) in makers.items():
        for _ in range(each):
            value, group = make()
            yield Planted(_in(rng, templates, value), type_, value, group)
    for region in REGIONS[half]:
        for _ in range(each):
            value, form = phone(rng, region)
            named = form == "plain" or rng.random() < 0.5
            yield Planted(_in(rng, (NAMED if named else BARE)[half], value), "phone", value, region)
    for name, negative in NEGATIVES.items():
        for _ in range(each):
            yield Planted(_in(rng, FRAMES[half], negative(rng)), None, "", name)


class Score(NamedTuple):
    """What was planted, covered whole and with exact bounds, of a group."""

    planted: int
    covered: int
    exact: int


def found_in(texts: Sequence[str], regions: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    """Start, stop (bytes) and type of all that is found in each text."""
    table = pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})
    spans = personal_data(table, types=list(TYPES), phone_regions=list(regions))["personal_data"]
    found: list[list[tuple[int, int, str]]] = [[] for _ in texts]
    for number, start, stop, type_ in spans.rows():
        found[int(number)].append((start, stop, type_))
    return found


def score(
    half: str, seed: int, each: int
) -> tuple[dict[tuple[str, str], Score], Counter[str], Counter[tuple[str, str]], list[str]]:
    """Scores by type and group, wrong finds by type, those by type and group, and examples."""
    cases = list(planted(half, seed, each))
    scores: dict[tuple[str, str], Score] = {}
    wrong: Counter[str] = Counter()
    where: Counter[tuple[str, str]] = Counter()
    examples: list[str] = []
    groups: dict[tuple[str, ...], list[Planted]] = {}
    for case in cases:
        regions = (case.group,) if case.type == "phone" else tuple(REGIONS[half])
        groups.setdefault(regions, []).append(case)
    for regions, members in groups.items():
        for case, spans in zip(members, found_in([c.text for c in members], regions), strict=True):
            data = case.text.encode()
            value = case.value.encode()
            places = _places(data, value) if case.type else []
            for start, stop, type_ in spans:
                if not any(type_ == case.type and start < end and stop > at for at, end in places):
                    wrong[type_] += 1
                    where[type_, case.group] += 1
                    examples.append(f"wrong {type_} {data[start:stop].decode()!r} in {case.text!r}")
            for at, end in places:
                own = [s for s in spans if s[2] == case.type]
                covered = any(start <= at and end <= stop for start, stop, _ in own)
                exact = any((start, stop) == (at, end) for start, stop, _ in own)
                if not covered:
                    examples.append(f"missed {case.type} {case.value!r} in {case.text!r}")
                old = scores.get((case.type or "", case.group), Score(0, 0, 0))
                scores[case.type or "", case.group] = Score(
                    old.planted + 1, old.covered + covered, old.exact + exact
                )
    return scores, wrong, where, examples


def _places(data: bytes, value: bytes) -> list[tuple[int, int]]:
    places, start = [], data.find(value)
    while start >= 0:
        places.append((start, start + len(value)))
        start = data.find(value, start + len(value))
    return places


def _line(name: str, scores: Sequence[Score], wrong: int | None = None) -> str:
    count = sum(each.planted for each in scores)
    covered = sum(each.covered for each in scores)
    exact = sum(each.exact for each in scores)
    line = f"| {name} | {count:,} | {covered / count:.3f} | {exact / count:.3f} |"
    return line if wrong is None else f"{line} {wrong} | {covered / max(1, covered + wrong):.3f} |"


def main() -> None:
    """Print the tables of one half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=list(REGIONS), default="held_out")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--each", type=int, default=300)
    parser.add_argument("--examples", type=int, default=0, help="of misses and wrong finds")
    options = parser.parse_args()
    scores, wrong, where, examples = score(options.half, options.seed, options.each)
    print("| kind | planted | recall | exact | wrong | precision |\n|---|---|---|---|---|---|")
    for type_ in TYPES:
        members = [each for (kind, _), each in scores.items() if kind == type_]
        print(_line(type_, members, wrong[type_]))
    print("\n| phones of | planted | recall | exact |\n|---|---|---|---|")
    for (kind, group), each in scores.items():
        if kind == "phone":
            print(_line(group, [each]))
    print("\n| kind, group below .95 | planted | recall | exact |\n|---|---|---|---|")
    for (kind, group), each in scores.items():
        if kind != "phone" and each.covered < 0.95 * each.planted:
            print(_line(f"{kind}, {group}", [each]))
    print(f"\nwrong finds: {dict(where.most_common())}")
    for example in random.Random(0).sample(examples, min(options.examples, len(examples))):
        print(example)


if __name__ == "__main__":
    main()
