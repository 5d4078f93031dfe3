"""Answers about contents that stay as they are, asked once and kept in a list beside the store.

To ask a library what it makes of a tokenizer's files takes seconds, of which most go to importing
it; the next run, and the nightly refresh, ask the same of the same files. An answer is plain JSON
and is found by the hash of all that it can depend on: contents, settings, the versions of libraries
and the source of our own modules that ask, so that no answer outlives a fix. The list is of the
machine on which it is written, and may be deleted.
"""

import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

from midtrain_dagster.core.causes import DIGEST_BYTES, cause
from midtrain_dagster.core.known_digests import known_digest


class _Known:
    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.file: Path | None = None
        self.lock = Lock()


_known = _Known()


def remember_answers_in(file: Path) -> None:
    """Read the answers listed in ``file``, and add to it those that are given from now on.

    Its folder must exist. Several processes may add to it at a time: a line is one write.
    """
    with _known.lock:
        if _known.file == file:
            return
        _known.file = file
        lines = file.read_text("utf-8", "replace").splitlines() if file.exists() else []
        for line in lines:
            key, _, text = line.partition("\t")
            if len(key) == 2 * DIGEST_BYTES:
                try:
                    _known.answers[key] = json.loads(text)
                except ValueError:  # a line that a process did not finish: asked again
                    continue


def known_answer(
    question: str,
    about: Any,
    ask: Callable[[], Any],
    *,
    modules: Iterable[ModuleType],
    libraries: Iterable[str],
) -> Any:
    """The answer to a question ``about`` causes (``core.causes``), asked if it is not known.

    ``modules`` are ours and ``libraries`` those of others that the answer comes from.
    """
    code = {each.__name__: known_digest(Path(str(each.__file__))) for each in modules}
    key = cause(question, about, code, {name: version(name) for name in libraries})
    if key not in _known.answers:
        answer = ask()
        with _known.lock:
            _known.answers[key] = answer
            if _known.file is not None:
                line = f"{key}\t{json.dumps(answer)}\n".encode()
                with _known.file.open("ab", buffering=0) as handle:
                    handle.write(line)
    return _known.answers[key]
