"""User tokens as a shop's server would sign them, right or wrong."""

from __future__ import annotations

import time
from typing import Any

import jwt


def user_token(
    user_id: Any, secret: str, *, seconds: float = 3600, now: float | None = None, algorithm: str = "HS256", **more: Any
) -> bytes:
    """Sign a token that is good for so many seconds; further claims may be added."""
    issued = time.time() if now is None else now
    return jwt.encode({"sub": user_id, "exp": int(issued + seconds), **more}, secret, algorithm=algorithm).encode()
