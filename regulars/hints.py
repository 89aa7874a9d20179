"""What to run next, written so that it can be pasted: the program as it was called, and the configuration it got.

In a checkout the program is `.venv/bin/regulars`, which is on nobody's search path: `regulars` would not be found.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from contextvars import ContextVar
from pathlib import Path

NAME = "regulars"
DEFAULT = Path("regulars.toml")
VARIABLE = "REGULARS_CONFIG"

CONFIG: ContextVar[Path] = ContextVar("CONFIG", default=DEFAULT)
"""The configuration of the command line that is running."""


def hint(command: str) -> str:
    """Return `command`, such as ``train`` or ``versions list``, as the reader has to type it."""
    config = CONFIG.get()
    is_known = config == DEFAULT or os.environ.get(VARIABLE) == str(config)
    given = "" if is_known else f" --config {shlex.quote(str(config))}"
    return f"{program(sys.argv[0])} {command}{given}"


def program(called: str) -> str:
    """Return how to call this program again, having been called as `called`."""
    path = Path(called)
    if path.name == "__main__.py":
        return f"{shlex.quote(_short(Path(sys.executable)))} -m {NAME}"
    if path.name != NAME or os.sep not in called:
        return NAME
    found = shutil.which(NAME)
    if found is not None and Path(found).absolute() == path.absolute():
        return NAME
    return shlex.quote(_short(path))


def _short(path: Path) -> str:
    """Return a path below the current folder relative to it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
