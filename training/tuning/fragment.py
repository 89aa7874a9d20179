"""The settings that were found, as TOML to paste and as options to type."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from training.tuning.findings import Findings
from training.tuning.space import Value


def write_fragment(findings: Findings, folder: Path) -> Path:
    """Write ``<study>.toml`` into `folder` and return its path."""
    path = folder / f"{findings.name}.toml"
    if not path.is_file() or path.read_text(encoding="utf-8") != fragment(findings):
        path.write_text(fragment(findings), encoding="utf-8")
    return path


def fragment(findings: Findings) -> str:
    """Return the best settings as tables of TOML, with a comment that says where they come from.

    Raises
    ------
    ValueError
        If no trial was measured.
    """
    best = findings.best
    if best is None:
        raise ValueError("no trial was measured")
    lines = [
        f"# Study {findings.name}: trial {best.number}, the best of {len(findings.trials)}, score {best.score:.4f}.",
        f"# Measured on purchases {findings.days}; the test window was not read.",
    ]
    keys = sorted(best.values.items(), key=lambda entry: entry[0].partition(".")[0])
    for section, entries in groupby(keys, key=lambda entry: entry[0].partition(".")[0]):
        lines += ["", f"[{section}]", *(f"{key.partition('.')[2]} = {value!r}" for key, value in entries)]
    return "\n".join(lines) + "\n"


def options(values: Mapping[str, Value]) -> str:
    """Return the same as options of the command line."""
    return " ".join(f"--set {key}={value!r}" for key, value in values.items())
