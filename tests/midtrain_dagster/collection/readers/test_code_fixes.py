"""Two versions of a package, side by side: which functions make a document."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from midtrain_dagster.collection.readers.code_fixes import CodeFixesSource

OLD = '''"""A module."""


class Box:
    @property
    def size(self):
        """How large it is."""
        return self.width * self.width

    def shut(self):
        return True


def words(text):
    # All of them.
    found = text.split(" ")
    return found


def gone():
    return 1


def typed(a):
    return a


def rewritten(a):
    return a
'''

NEW = '''"""A module, better."""


class Box:
    @property
    def size(self):
        """How large it is."""
        return self.width * self.height

    def shut(self):
        """Shut it."""
        return True


def words(text):
    # Each word once.
    found = text.split()
    return found


def came():
    return 1


def typed(a: int) -> int:
    return a


def rewritten(b, c):
    for each in b:
        yield each + c
'''

WORDS = """`words` in pkg/box.py, before:

```python
def words(text):
    # All of them.
    found = text.split(" ")
    return found
```

After:

```python
def words(text):
    # Each word once.
    found = text.split()
    return found
```
"""


def laid_out(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def source(**fields: Any) -> CodeFixesSource:
    given = {"reader": "code_fixes", "paths": ["."], "before": "1.0", "after": "2.0"}
    return CodeFixesSource(**{**given, "domain": "code", "kind": "code", **fields})


def test_functions_that_changed_stand_before_and_after(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    files: dict[str, str | bytes] = {
        "1.0/pkg/box.py": OLD,
        "2.0/pkg/box.py": NEW,
        "1.0/pkg/same.py": OLD,
        "2.0/pkg/same.py": OLD,
        "1.0/pkg/old.py": OLD,
        "2.0/pkg/new.py": NEW,
        "1.0/broken.py": "print 'two'\n",
        "2.0/broken.py": NEW,
        "1.0/latin.py": OLD,
        "2.0/latin.py": b"# caf\xe9\n",
        "2.0/notes.txt": "no Python",
    }
    laid_out(tmp_path, files)
    made = collect(reader="code_fixes", paths=["."], before="1.0", after="2.0", kind="code")
    documents = made.documents.sort("locator")
    assert documents["locator"].to_list() == ["pkg/box.py:Box.size", "pkg/box.py:words"]
    assert documents["text"][1] == WORDS
    for text in documents["text"]:
        old, new = (text.split("```python\n")[at].split("```")[0] for at in (1, 2))
        assert ast.dump(ast.parse(old)) != ast.dump(ast.parse(new))
    assert "@property\ndef size(self):" in documents["text"][0]
    assert made.reasons == {"broken.py": "invalid_python", "latin.py": "invalid_encoding"}


def test_a_pair_is_another_where_either_version_is(tmp_path: Path) -> None:
    laid_out(tmp_path, {"1.0/a.py": OLD, "2.0/a.py": NEW})
    (first,) = source().list_files("it", tmp_path)
    assert first.name == "a.py"
    laid_out(tmp_path, {"1.0/a.py": OLD + "\n"})
    (second,) = source().list_files("it", tmp_path)
    assert second.digest != first.digest
    (looked,) = source().look("it", tmp_path).files
    assert (looked.name, looked.digest) == ("a.py", "")


def test_versions_without_a_pair_are_said(tmp_path: Path) -> None:
    laid_out(tmp_path, {"1.0/a.py": OLD, "2.1/a.py": NEW})
    (finding,) = source().look("it", tmp_path).findings
    assert finding.place == ("after",)
    assert finding.reason.startswith("no Python file below 1.0/ differs from one of the same path")
