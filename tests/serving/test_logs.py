"""What the server says about itself reaches standard error, once."""

from __future__ import annotations

import re
import subprocess
import sys

PROGRAM = """
import logging
from serving import logs
logs.to_standard_error()
logs.to_standard_error()
logging.getLogger("serving.somewhere").info("version %s is served", "v1")
logging.getLogger("elsewhere").info("not ours")
"""


def test_one_tidy_line() -> None:
    """Time in UTC, level, module and message, from INFO on; asking twice does not double it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO serving\.somewhere: version v1 is served\n", done.stderr)
    assert done.stdout == ""
