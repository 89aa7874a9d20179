"""Addresses that can name nothing are refused, and nothing else is."""

from __future__ import annotations

import pytest

from tests.serving.conftest import Served

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/%ff/recommendations",
        "/v1/users/%C0%80/buy-again",
        "/v1/users/%0a/recommendations",
        "/v1/items/a%0Ab/similar",
        "/v1/items/%ED%A0%80/picture.svg",
    ],
)
async def test_paths_that_can_hold_no_id(shop: Served, path: str) -> None:
    """Bytes that are no UTF-8, and line breaks, are a 400 and not somebody else."""
    response = await shop.client.get(path)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_id")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("user", ["%ff", "%0a", "a%0a"])
async def test_nobody_is_erased_by_them(shop: Served, user: str) -> None:
    """DELETE refuses them too."""
    response = await shop.client.delete(f"/v1/users/{user}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_id")


async def test_queries_are_utf8(shop: Served) -> None:
    """An id in the query is not guessed either."""
    response = await shop.client.get("/v1/trending?user_id=%ff")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_parameter")


async def test_a_real_replacement_character_is_an_id(shop: Served) -> None:
    """What was sent as UTF-8 is taken as it is."""
    assert (await shop.get("/v1/users/%EF%BF%BD/recommendations"))["user_id"] == "\ufffd"
