"""The lock of whoever makes or writes a send."""

import errno
import fcntl
import threading
from pathlib import Path

import pytest

from serving.campaigns.one_at_a_time import alone


def test_the_second_waits_and_says_so(tmp_path: Path) -> None:
    """While somebody holds the lock nobody else does, and who has to wait is told."""
    waiting, order = threading.Event(), list[str]()

    def second() -> None:
        with alone(tmp_path / "campaigns", on_wait=waiting.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with alone(tmp_path / "campaigns", on_wait=lambda: order.append("waited")):
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_it_is_let_go_of_after_an_error(tmp_path: Path) -> None:
    """An export that failed keeps nobody from the next."""
    with pytest.raises(OSError, match="full"), alone(tmp_path):
        raise OSError("the disk is full")
    with alone(tmp_path, on_wait=lambda: pytest.fail("somebody still holds it")):
        pass


def test_a_disk_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An export works there, and says that nobody keeps others away."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone(tmp_path, on_wait=lambda: pytest.fail("there is nothing to wait for")):
        pass
    assert "knows no locks" in caplog.text
