"""Progress on a terminal and in a log file."""

import io

import pytest
from rich.console import Console

from regulars.progress import TerminalProgress
from training.progress import Progress


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    """A console that writes into memory."""
    file = io.StringIO()
    return Console(file=file, force_terminal=terminal, width=80, color_system=None), file


@pytest.mark.parametrize("terminal", [True, False])
def test_steps_leave_a_line_each(terminal: bool) -> None:
    """A finished step leaves its name and what came of it; steps inside another do too, before it."""
    screen, file = console(terminal=terminal)
    progress: Progress = TerminalProgress(screen)
    with progress.step("outer") as outer:
        with progress.step("inner [red]", total=3) as inner:
            inner.advance(3)
        outer.note("1,469,307 rows")
    progress.message("done")
    text = file.getvalue()
    assert text.index("✓ inner [red]") < text.index("✓ outer  1,469,307 rows, ")
    assert "  done" in text


def test_log_file_has_no_bars() -> None:
    """Where there is no terminal, there is one line per step and nothing to overwrite it."""
    screen, file = console(terminal=False)
    with TerminalProgress(screen).step("fit", total=1000) as step:
        for _ in range(1000):
            step.advance()
    assert len(file.getvalue().splitlines()) == 1
    assert "\r" not in file.getvalue()
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_failure_is_marked(terminal: bool) -> None:
    """A step that fails says so, lets the error through, and leaves the screen usable."""
    screen, file = console(terminal=terminal)
    progress = TerminalProgress(screen)
    with pytest.raises(ValueError, match="no"), progress.step("outer"), progress.step("inner"):
        raise ValueError("no")
    with progress.step("next"):
        pass
    marks = [line.split()[0:2] for line in file.getvalue().splitlines() if line[:1] in "✗✓"]
    assert marks == [["✗", "inner"], ["✗", "outer"], ["✓", "next"]] or terminal
    assert "✓ next" in file.getvalue()
