"""Who may switch a user's personal picks off."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.scopes import Scope
from serving.access.signing_secrets import SigningSecrets
from serving.settings import AppSettings
from tests.serving.access.tokens import user_token
from tests.serving.conftest import Serve

pytestmark = pytest.mark.anyio

PATH = "/v1/users/17/personalization"
OFF = {"on": False}


async def test_a_page_needs_the_users_own_token(serve: Serve, settings: AppSettings) -> None:
    """With a publishable key: the user's token, in a header or in the body; with a secret key the shop vouches."""
    now = datetime.now(UTC)
    secret = SigningSecrets(settings.data_dir).make("shop", now=now).text or ""
    page = mint("page", Kind.PUBLISHABLE, now=now)
    backend = mint("shop", Kind.SECRET, now=now, scopes=(Scope.EVENTS, Scope.SLATES))
    Keyring(settings.data_dir).change(lambda _: (page.kept, backend.kept))
    mine, another = user_token("17", secret).decode(), user_token("18", secret).decode()
    async with serve() as served:
        for headers, body, status in (
            ({}, OFF, 401),
            ({"X-API-Key": page.text}, OFF, 403),
            ({"X-API-Key": page.text, "X-User-Token": another}, OFF, 403),
            ({"X-API-Key": page.text, "X-User-Token": mine}, OFF, 200),
            ({"X-API-Key": page.text}, {"on": True, "user_token": mine}, 200),
            ({"X-API-Key": backend.text}, OFF, 200),
        ):
            response = await served.client.put(PATH, json=body, headers=headers)
            assert response.status_code == status, response.text
        refused = await served.client.get(PATH, headers={"X-API-Key": page.text, "X-User-Token": another})
        assert (refused.status_code, refused.json()["code"]) == (403, "user_not_vouched")
        assert refused.headers["X-User-Token"] == "other_user"
        told = await served.client.get(PATH, headers={"X-API-Key": page.text, "X-User-Token": mine})
        assert told.json() == {"user_id": "17", "on": False}


async def test_a_choice_is_yes_or_no(serve: Serve) -> None:
    """Anything else is refused, and so is an id that can be none; DELETE erases nobody by this address."""
    async with serve() as served:
        for body in ({}, {"on": "maybe"}, {"on": False, "off": True}):
            assert (await served.client.put(PATH, json=body)).status_code == 422
        assert (await served.client.put(f"/v1/users/{'x' * 600}/personalization", json=OFF)).status_code == 400
        assert (await served.client.delete(PATH)).status_code == 405
        response = await served.client.put("/v1/users/a%2Fb/c/personalization", json=OFF)
        assert response.json()["user_id"] == "a/b/c"
