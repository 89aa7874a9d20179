"""Ctrl-C follows a step instead of cutting it in two."""

from __future__ import annotations

import signal
import threading

import pytest

from serving.undisturbed import undisturbed


def test_ctrl_c_counts_when_the_step_is_done() -> None:
    """The block runs to its end, and is stopped then; afterwards all is as before."""
    # A program in the background may have been started with Ctrl-C switched off.
    outside, before, done = signal.getsignal(signal.SIGINT), signal.default_int_handler, []
    signal.signal(signal.SIGINT, before)

    def step() -> None:
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the step")

    try:
        with pytest.raises(KeyboardInterrupt):
            step()
        assert done
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, outside)


def test_nothing_is_held_back_without_ctrl_c() -> None:
    """A step that nobody disturbs raises what it raises, and nothing else."""
    with undisturbed():
        pass
    with pytest.raises(ValueError, match="its own"), undisturbed():
        raise ValueError("its own")


def test_other_threads_go_on_as_they_are() -> None:
    """Only the main thread may change what Ctrl-C does."""
    done: list[str] = []

    def step() -> None:
        with undisturbed():
            done.append("step")

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert done == ["step"]
