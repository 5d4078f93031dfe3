import pytest

from midtrain_dagster.core import progress

Message = tuple[str, int, int, str, str]


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> list[progress.Listener]:
    """The process's listeners, given back afterwards."""
    made: list[progress.Listener] = []
    monkeypatch.setattr(progress, "_listeners", made)
    return made


def test_report_without_a_listener_does_nothing(listeners: list[progress.Listener]) -> None:
    progress.report("documents", 1, 2, "parts")
    assert listeners == []


def test_report_reaches_the_last_listener_only(listeners: list[progress.Listener]) -> None:
    first: list[Message] = []
    second: list[Message] = []
    progress.listen(lambda *message: first.append(message))
    progress.report("documents", 1, 2, "parts")
    progress.listen(lambda *message: second.append(message))
    progress.report("documents", 2, 2, "parts", "soon")
    assert first == [("documents", 1, 2, "parts", "")]
    assert second == [("documents", 2, 2, "parts", "soon")]
