"""What cookies and forms of the demo shop are signed with; it protects make-believe carts."""

from __future__ import annotations

from pathlib import Path

from serving.kept_secret import kept_secret

FILE = "shop-secret"


def shop_secret(data_dir: Path) -> bytes:
    """Return the secret, made now if there is none."""
    return kept_secret(data_dir / FILE, otherwise="visitors of the demo shop are forgotten at a restart")
