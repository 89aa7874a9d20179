"""The page about mail: anybody's mail, as it is, and harmless to look at."""

from __future__ import annotations

import re
from html import unescape

import pytest

from serving.campaigns.snapshot import SNAPSHOT_FILE
from tests.models import shop_model
from tests.serving.campaigns.made_send import SEND_ID, send_to
from tests.serving.conftest import Served
from tests.serving.console.conftest import looked_at, made, page

pytestmark = pytest.mark.anyio

MODEL = shop_model()
ANN, BOB, EVE, *_ = MODEL.users.ids
SEND = f"win-back/{SEND_ID}"


def title(item: int) -> str:
    return MODEL.catalogue.title[item]


@pytest.fixture
def console(console: Served) -> Served:
    """A shop that has sent something: two items to Ann, nothing to Bob."""
    folder = console.state.settings.data_dir
    send_to(folder, MODEL, {ANN: (0, 1)}, suppressed=[(BOB, "control_group"), (EVE, "something new")])
    return console


async def shown(console: Served, user_id: str, send: str) -> str:
    return await page(console, "/mail/shown", user_id=user_id, send=send)


async def test_sends_are_listed(console: Served) -> None:
    """With how many got them, and to choose from."""
    text = await page(console, "/mail")
    assert "win-back" in text
    assert f'<option value="{SEND}">' in text


@pytest.mark.parametrize("kept", [0, 5_000, 12_000])
async def test_a_damaged_send_is_passed_over(console: Served, kept: int, caplog: pytest.LogCaptureFixture) -> None:
    """The others are listed, and the log names it."""
    damaged = send_to(console.state.settings.data_dir, MODEL, {ANN: (0, 1)}, campaign="broken")
    record = damaged.folder / SNAPSHOT_FILE
    record.write_bytes(record.read_bytes()[:kept])
    text = await page(console, "/mail")
    assert f'<option value="{SEND}">' in text
    assert "broken" not in text
    assert f"broken/{SEND_ID} is passed over" in caplog.text
    assert "cannot be read" in await page(console, "/mail/of", user_id=ANN, send=f"broken/{SEND_ID}")


async def test_a_mail_is_what_was_sent(console: Served) -> None:
    """The items of the send and no others, around it what is known of it, below it the plain text."""
    mail = await shown(console, ANN, SEND)
    assert title(0) in mail
    assert title(1) in mail
    assert mail.count("<img") == 2
    around = unescape(await page(console, "/mail/of", user_id=ANN, send=SEND))
    assert "at risk" in around
    assert f"1. {title(0)}" in around
    assert f"win-back.{SEND_ID}.0" in around


async def test_everybody_has_a_mail_now(console: Served) -> None:
    """Somebody in no send, and somebody nobody knows, would get what the API offers for a mail."""
    for user_id in (BOB, "nobody 空"):
        slate = await console.get(
            "/v1/recommendations".replace("/v1", f"/v1/users/{user_id}"), placement="email", limit=4
        )
        mail = unescape(await shown(console, user_id, "now"))
        offered = [item["title"] for item in slate["items"]]
        assert offered
        assert re.findall(r'alt="([^"]*)"', mail) == offered


@pytest.mark.parametrize(
    ("user_id", "send", "why"),
    [
        (BOB, SEND, "they are in the control group"),
        (EVE, SEND, "something new"),
        ("nobody", SEND, "the campaign was not meant for them"),
        (ANN, "win-back/none", "there is no send"),
        (ANN, "../../etc/passwd", "there is no send"),
    ],
)
async def test_why_there_is_none_is_told(console: Served, user_id: str, send: str, why: str) -> None:
    """Who got nothing is told why, and the frame has nothing to show."""
    assert why in await page(console, "/mail/of", user_id=user_id, send=send)
    await page(console, "/mail/shown", status=404, user_id=user_id, send=send)


async def test_who_was_forgotten_has_no_mail(console: Served) -> None:
    """Neither a sent one nor one of now."""
    await console.client.delete(f"/v1/users/{ANN}")
    for send in (SEND, "now"):
        assert "asked to be forgotten" in await page(console, "/mail/of", user_id=ANN, send=send)
        await page(console, "/mail/shown", status=404, user_id=ANN, send=send)


async def test_a_mail_may_do_nothing(console: Served) -> None:
    """It is sent into a sandbox that runs nothing, loads nothing from elsewhere, and only this console may frame."""
    answer = await console.client.get("/console/mail/shown", params={"user_id": ANN, "send": SEND})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    around = await console.client.get("/console/mail/of", params={"user_id": ANN, "send": SEND})
    assert "frame-src 'self'" in around.headers["content-security-policy"]
    assert around.headers["x-frame-options"] == "DENY"
    assert "<iframe sandbox title=" in around.text


async def test_a_look_is_no_click(console: Served) -> None:
    """No link of the page is signed, and nothing is reported."""
    assert not re.search(r"/[li]/[\w-]{36}", await shown(console, ANN, SEND))
    assert not (console.state.settings.data_dir / "mail-secret").exists()
    assert await console.state.stores.stream.length() == 0


async def test_mail_is_behind_the_door(console: Served) -> None:
    """Who may not see the console sees nobody's mail."""
    made(console.state.settings)
    console.state.access.refresh()
    for path in ("/mail", "/mail/of", "/mail/shown"):
        assert title(0) not in await page(console, path, status=403, user_id=ANN, send=SEND)
    async with looked_at(console, address="203.0.113.7") as elsewhere:
        await page(elsewhere, "/mail/shown", status=403, user_id=ANN, send=SEND)


async def test_an_id_that_can_be_none_is_said_to_be(console: Served) -> None:
    """As with customers."""
    assert 'role="alert"' in await page(console, "/mail/of", status=400, user_id="")


async def test_nothing_was_sent_yet(empty: Served) -> None:
    """A new shop has a page about mail, too."""
    assert "Nothing was sent yet" in await page(empty, "/mail")
    assert "no model is served yet" in await page(empty, "/mail/of", user_id="17")
