"""How long each step took and how much memory it held."""

import numpy as np
import pytest

from training.progress import SilentProgress
from training.steps import MeasuredProgress, PeakMemory, StepRecord, resident_mb


def test_every_step_is_measured() -> None:
    """Each step leaves one record with its name, and the wrapped progress hears of everything."""
    measured = MeasuredProgress(SilentProgress())
    with measured.step("read", total=2) as step:
        step.advance()
        step.note("two rows")
    with measured.step("fit"):
        pass
    measured.message("done")
    assert [record.name for record in measured.records] == ["read", "fit"]
    assert all(record.seconds >= 0 and record.peak_mb > 1 for record in measured.records)
    assert StepRecord(**measured.records[0].to_dict()) == measured.records[0]


def test_peak_is_that_of_the_step() -> None:
    """Memory that was held for a moment shows in the step that held it."""
    before = resident_mb()
    with PeakMemory() as memory:
        block = np.ones(64 * 2**20, dtype=np.uint8)
        assert block.sum() > 0
        del block
    assert memory.peak_mb >= before + 48


def test_failing_step_is_not_recorded() -> None:
    """An error passes through, and its step is not taken for done."""
    measured = MeasuredProgress(SilentProgress())
    with pytest.raises(KeyError), measured.step("read"):
        raise KeyError
    assert measured.records == []
