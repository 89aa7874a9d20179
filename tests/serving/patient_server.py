"""A worker that sends long answers: ``python -m tests.serving.patient_server PORT UNREAD_SECONDS``."""

from __future__ import annotations

import os
import sys
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from serving.leaving import Leaving

LONG = b"x" * 20_000_000
VARIABLE = "PATIENT_SERVER_UNREAD_SECONDS"


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything at length."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": LONG})


def worker() -> Leaving:
    """Build what a worker runs."""
    return Leaving(answer, seconds=0.1, unread_seconds=float(os.environ[VARIABLE]))


if __name__ == "__main__":
    os.environ[VARIABLE] = sys.argv[2]
    Granian(
        "tests.serving.patient_server:worker",
        factory=True,
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        websockets=False,
    ).serve()
