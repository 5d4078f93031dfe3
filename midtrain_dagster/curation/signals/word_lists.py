"""Lists of sexual, toxic and otherwise unwanted words, by language: where they lie, what they hold.

A list is a file: a JSON list of texts, as the npm package ``naughty-words`` has one for each of 28
languages (Shutterstock's LDNOOBW, CC BY 4.0, the list by which C4 dropped pages: Raffel et al.
2020, section 2.2), or plain lines, where ``#`` starts a comment. An entry is a word or a phrase.
English sexual and toxic words have a list here (`profanity`), which a list of ``en`` replaces.

Entries are compared as words (`listed_words`), so one whose signs are the point of it (``s&m``, an
emoji, ``13.``) would be found where nothing is meant: it is passed over, and `midtrain check` tells
how many are.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, NamedTuple

import polars as pl
from pydantic import AfterValidator, Field

from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.curation.language_codes import language_problem
from midtrain_dagster.curation.signals.profanity import SEXUAL_WORDS, TOXIC_WORDS

VERSION = 1
"""Of what a list holds and of what `listed_words` finds of it; that module is costly to load."""

CATEGORIES = ("sexual", "toxic", "unwanted")
LISTED = pl.Schema({f"{category}_word_ratio": pl.Float32() for category in CATEGORIES})
"""The signals that depend on the recipe's word lists and on the document's language too."""

LONGEST = 16
"""Words that an entry may have; in scripts without spaces each letter is one."""

OWN = {"sexual": {"en": SEXUAL_WORDS}, "toxic": {"en": TOXIC_WORDS}}


def _of_lid_176(code: str) -> str:
    if problem := language_problem(code):
        raise ValueError(problem)
    return code


Language = Annotated[str, AfterValidator(_of_lid_176)]
Paths = dict[Language, str]
Entries = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By category and language, entries in their normal form, sorted."""

_JOINS = re.compile(r"[\s'\u2019,.\u30fb-]+")


class WordLists(FrozenModel):
    """Files of words and phrases by language (`de`), in which a document is looked up by its own.

    Each is a JSON list of texts or one entry a line; relative paths start in the recipe's folder.
    """

    sexual: Paths = Field(
        {},
        description="Files of sexual words, by language; for `en`, in place "
        "of the list that is here",
    )
    toxic: Paths = Field(
        {},
        description="Files of insults and slurs, by language; for `en`, in "
        "place of the list that is here",
    )
    unwanted: Paths = Field(
        {},
        description="Files of words of any other kind, or of several "
        "kinds in one list, by language",
    )


class WordListError(ValueError):
    """A list that cannot be read; the message names the file and, of lines, the line."""


class Read(NamedTuple):
    """A list as it was read: its entries, and those that are passed over."""

    entries: tuple[str, ...]
    passed_over: tuple[str, ...]


def normal(entry: str) -> str:
    """An entry as texts are compared with it: compatibility forms composed (NFKC), lower case."""
    return " ".join(unicodedata.normalize("NFKC", entry).lower().split())


def is_words(entry: str) -> bool:
    """Whether a normal entry is a word or some, with a letter and with no sign that means more."""
    signs = {unicodedata.category(sign)[0] for sign in _JOINS.sub("", entry)}
    return "L" in signs and signs <= {"L", "M", "N"}


def read_list(uri: str) -> Read:
    """The entries of one file. Raises WordListError if it is missing, broken or has none."""
    try:
        files, path = filesystem_of(uri)
        with files.open_input_stream(path) as stream:
            text = stream.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WordListError(f"{uri} cannot be read as a list of words: {error}") from error
    listed = _of_json(uri, text) if text.lstrip().startswith(("[", "{")) else _of_lines(text)
    entries = sorted({normal(entry) for entry in listed} - {""})
    usable = tuple(entry for entry in entries if is_words(entry))
    if not usable:
        raise WordListError(f"{uri}: this list holds no word; mend it or take it out")
    for entry in usable:
        if len(entry.split()) > LONGEST:
            raise WordListError(f"{uri}: {entry[:60]!r}.. is longer than {LONGEST} words")
    return Read(usable, tuple(entry for entry in entries if not is_words(entry)))


def _of_json(uri: str, text: str) -> list[str]:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WordListError(f"{uri}: no JSON: {error}") from error
    if not isinstance(listed, list):
        raise WordListError(f"{uri}: a {type(listed).__name__}, not a list of texts")
    for number, entry in enumerate(listed, start=1):
        if not isinstance(entry, str):
            raise WordListError(f"{uri}, entry {number}: a {type(entry).__name__}, not a text")
    return listed


def _of_lines(text: str) -> list[str]:
    return [line.partition("#")[0] for line in text.splitlines()]


def read_lists(lists: WordLists, find: Callable[[str], str]) -> Entries:
    """All lists that a recipe names, and ours; ``find`` resolves paths. Raises WordListError."""
    read = {
        category: {
            language: read_list(find(path)).entries
            for language, path in getattr(lists, category).items()
        }
        for category in CATEGORIES
    }
    return {category: {**OWN.get(category, {}), **found} for category, found in read.items()}


def findings(
    lists: WordLists, find: Callable[[str], str], asked: set[str], languages: list[str] | str
) -> Iterator[Finding]:
    """What of the lists is of no use, places starting at the section: files that cannot be read,
    entries passed over, lists of which no rule asks, and languages without a list.

    ``asked`` are the categories of which a rule asks, ``languages`` those that prose may have.
    """
    for category in CATEGORIES:
        given: Paths = getattr(lists, category)
        for language, path in given.items():
            try:
                passed = read_list(find(path)).passed_over
            except WordListError as error:
                yield Finding((category, language), str(error))
                continue
            if passed:
                some = ", ".join(passed[:5]) + (", ..." if len(passed) > 5 else "")
                yield doubt(
                    (category, language),
                    f"{len(passed)} entries of {path} are not words alone and passed over: {some}",
                )
        if given and category not in asked:
            yield doubt(
                (category,),
                f"no policy asks for it: say `also: [{category}]` of a kind or a source",
            )
        if category in asked:
            yield from _without_list(category, {*OWN.get(category, {}), *given}, languages)


def _without_list(category: str, known: set[str], languages: list[str] | str) -> Iterator[Finding]:
    if isinstance(languages, str):
        yield doubt(
            (category,),
            f"there are lists of {', '.join(sorted(known))}, and documents of every language are "
            "kept: those of others are not looked at for such words",
        )
        return
    missing = [language for language in languages if language not in known]
    if missing:
        yield doubt(
            (category,),
            f"there is no list of {', '.join(missing)}: documents of it are not looked at for "
            "such words",
        )
