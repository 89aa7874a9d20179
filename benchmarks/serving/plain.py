"""The usual way to build it: a FastAPI route and redis-py.

``python -m benchmarks.serving.plain PORT`` serves with granian and uvloop, as we do. A user's list is JSON in Redis; an
item that is not in stock is left out; the answer is written by orjson without a response model, which would cost more.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
import time
from typing import Annotated, Any

import orjson
import redis.asyncio
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from granian import Granian
from granian.constants import Interfaces, Loops

URL_VARIABLE, KEY_VARIABLE, CATALOGUE_VARIABLE = "BENCHMARK_REDIS_URL", "BENCHMARK_KEY_SHA256", "BENCHMARK_CATALOGUE"
LIMIT = 10


def create_app() -> FastAPI:
    """Build the app of a worker process."""
    app = FastAPI()
    client = redis.asyncio.Redis.from_url(os.environ[URL_VARIABLE], protocol=2)
    known = bytes.fromhex(os.environ[KEY_VARIABLE])
    with open(os.environ[CATALOGUE_VARIABLE], "rb") as file:  # noqa: PTH123  nothing else is done with the path
        catalogue: dict[str, dict[str, Any]] = orjson.loads(file.read())
    in_stock = set(catalogue)

    async def checked(x_api_key: Annotated[str, Header()]) -> None:
        if not hmac.compare_digest(hashlib.sha256(x_api_key.encode()).digest(), known):
            raise HTTPException(401)

    @app.get("/v1/users/{user_id:path}/recommendations", dependencies=[Depends(checked)])
    async def recommendations(user_id: str) -> Response:
        stored = await client.get(f"plain:{user_id}")
        found = [item for item in orjson.loads(stored or b"[]") if item["item_id"] in in_stock][:LIMIT]
        content = {
            "slate_id": os.urandom(16).hex(),
            "user_id": user_id,
            "placement": "home",
            "created_at": time.time(),
            "items": [{**catalogue[item["item_id"]], "rank": rank, **item} for rank, item in enumerate(found, start=1)],
        }
        return Response(orjson.dumps(content), media_type="application/json")

    return app


def main(port: str) -> None:
    """Serve until told to stop."""
    Granian(
        "benchmarks.serving.plain:create_app",
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=1,
        websockets=False,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
