"""What sign-ins to the console are signed with."""

from __future__ import annotations

from pathlib import Path

from serving.kept_secret import kept_secret

FILE = "console-secret"


def console_secret(data_dir: Path) -> bytes:
    """Return the secret, made now if there is none."""
    return kept_secret(
        data_dir / FILE, otherwise="sign-ins to the console hold in one worker only, and end at its restart"
    )
