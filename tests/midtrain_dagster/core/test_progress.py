import pytest

from midtrain_dagster.core import progress

Message = tuple[str, int, int, str, str]


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> list[progress.Listener]:
    """The process's listeners, given back afterwards."""
    made: list[progress.Listener] = []
    monkeypatch.setattr(progress, "_listeners", made)
    return made


def test_where_nobody_listens_nothing_happens(listeners: list[progress.Listener]) -> None:
    progress.tell("documents", 1, 2, "parts")
    assert listeners == []


def test_the_last_to_listen_is_the_one_that_is_told(listeners: list[progress.Listener]) -> None:
    first: list[Message] = []
    second: list[Message] = []
    progress.listen(lambda *message: first.append(message))
    progress.tell("documents", 1, 2, "parts")
    progress.listen(lambda *message: second.append(message))
    progress.tell("documents", 2, 2, "parts", "soon")
    assert first == [("documents", 1, 2, "parts", "")]
    assert second == [("documents", 2, 2, "parts", "soon")]
