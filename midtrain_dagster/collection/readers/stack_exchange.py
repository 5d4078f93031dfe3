"""Stack Exchange: each question with its best answer, from the ``Posts.xml`` of a site's dump.

A row of the file is a post, on a line of its own, questions and answers in the order of their
numbers: an answer may stand gigabytes behind its question. So the file is read twice, first for
where the posts stand and then for their texts. Memory grows with the number of posts, by about 300
bytes each, and not with the texts.

The best answer is the accepted one, else that of the highest score, of equals the older. Questions
without an answer are rejected and counted; posts that are neither (tag wikis, elections) are passed
over. The site publishes ``Posts.xml`` inside a ``.7z`` archive, which has to be unpacked first.
"""

from collections.abc import Iterator
from typing import IO, Literal, NamedTuple
from xml.etree import ElementTree

from midtrain_dagster.collection import lines
from midtrain_dagster.collection.file_source import FileSource
from midtrain_dagster.collection.lines import file_lines
from midtrain_dagster.collection.readers.post import markdown
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile

VERSION = 2
USES = (lines,)

# Markup and escapes take room beside the text.
_ROW_BYTES_PER_DOCUMENT_BYTE = 8


class StackExchangeSource(FileSource):
    """``Posts.xml`` of a Stack Exchange site's dump: each question with its best answer."""

    suffixes = (".xml",)
    streams = False

    reader: Literal["stack_exchange"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE:QUESTION``, by the question's number."""
        if not file.name.lower().endswith(".xml"):
            yield Rejection(file.name, "unreadable_file", "not an .xml file: unpack it first")
            return
        posts = _Posts({}, {})
        yield from _find(file, posts, _ROW_BYTES_PER_DOCUMENT_BYTE * max_document_bytes)
        with file.open() as handle:
            for number, question in posts.questions.items():
                answer = posts.best_answer(number)
                locator = f"{file.name}:{number}"
                if answer is None:
                    yield Rejection(locator, "unanswered", "the question has no answer")
                    continue
                try:
                    rows = [_read(handle, each.start, each.length) for each in (question, answer)]
                    yield _document(locator, *rows)
                except (ElementTree.ParseError, ValueError) as error:
                    yield Rejection(locator, "invalid_xml", f"{type(error).__name__} {error}")


class _Answer(NamedTuple):
    """An answer's number and score, and where its row starts and how long it is, in bytes."""

    number: int
    score: int
    start: int
    length: int


class _Question(NamedTuple):
    """Where a question's row is, and the number of the answer that its author accepted."""

    start: int
    length: int
    accepted: int | None


class _Posts(NamedTuple):
    """What the first reading finds, by the number of the question."""

    questions: dict[int, _Question]
    answers: dict[int, list[_Answer]]

    def best_answer(self, number: int) -> _Answer | None:
        accepted = self.questions[number].accepted
        return max(
            self.answers.get(number, []),
            key=lambda answer: (answer.number == accepted, answer.score, -answer.number),
            default=None,
        )


def _find(file: SourceFile, posts: _Posts, longest: int) -> Iterator[Rejection]:
    """Fill in where the posts are; a broken row costs that row only."""
    for found in file_lines(file, None, longest):
        if isinstance(found, Rejection):
            yield found._replace(locator=f"{file.name}:line {found.locator.rpartition(':')[2]}")
            continue
        start = found.start
        for number, data in enumerate(found.lines, start=found.number):
            if data.lstrip().startswith(b"<row "):
                try:
                    _note(posts, ElementTree.fromstring(data), start, len(data))
                except (ElementTree.ParseError, ValueError, KeyError) as error:
                    detail = f"row at byte {start}: {type(error).__name__} {error}"
                    yield Rejection(f"{file.name}:line {number}", "invalid_xml", detail)
            start += len(data)


def _note(posts: _Posts, row: ElementTree.Element, start: int, length: int) -> None:
    match row.attrib["PostTypeId"]:
        case "1":  # a question
            accepted = row.get("AcceptedAnswerId")
            question = _Question(start, length, int(accepted) if accepted else None)
            posts.questions[int(row.attrib["Id"])] = question
        case "2":  # an answer
            answer = _Answer(int(row.attrib["Id"]), int(row.attrib["Score"]), start, length)
            posts.answers.setdefault(int(row.attrib["ParentId"]), []).append(answer)


def _read(handle: IO[bytes], start: int, length: int) -> ElementTree.Element:
    handle.seek(start)
    return ElementTree.fromstring(handle.read(length))


def _document(locator: str, question: ElementTree.Element, answer: ElementTree.Element) -> Document:
    title, body = question.get("Title", ""), markdown(question.get("Body", ""))
    text = f"Question: {title}\n\n{body}\n\nAnswer: {markdown(answer.get('Body', ''))}"
    # "CC BY-SA 4.0" is CC-BY-SA-4.0 to SPDX; posts of each time have their own.
    licences = {post.get("ContentLicense", "").replace(" ", "-") for post in (question, answer)}
    metadata = {
        "date": question.get("CreationDate"),
        "tags": question.get("Tags"),
        "score": int(question.get("Score", 0)),
        "answer_score": int(answer.get("Score", 0)),
        "accepted": answer.get("Id") == question.get("AcceptedAnswerId"),
        "licence": " AND ".join(sorted(licences - {""})) or None,
    }
    found = {name: value for name, value in metadata.items() if value is not None}
    return Document(locator, repaired(text), "markdown", found)
