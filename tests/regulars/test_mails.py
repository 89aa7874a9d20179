"""Mails from the command line: a page to look at one, and a file of all of them, with links that a server follows."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from regulars.config import load
from serving.app import create_app
from serving.stores.memory import MemoryStores
from tests.regulars.conftest import Shop

MAIL = """
[campaign]
public_url = "https://reco.example"
shop_url = "https://shop.example"
"""


@pytest.fixture(scope="module")
def shop(trained_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that has published something."""
    mine = Shop(tmp_path_factory.mktemp("mails") / "shop")
    shutil.copytree(trained_shop.folder, mine.folder)
    assert mine.run("publish") == 0
    return mine


def with_mail(shop: Shop) -> Shop:
    """The same with links in its mails."""
    text = shop.config.read_text(encoding="utf-8")
    if "public_url" not in text:
        shop.config.write_text(text + MAIL, encoding="utf-8")
    return shop


def test_a_mail_is_looked_at_before_it_is_sent(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows it on a phone and on a desk, with its pictures; it names nobody, and an erasure takes it away."""
    assert shop.run("campaign create", "all-of-them", "--segment", "all") == 0
    assert shop.run("campaign preview", "all-of-them", "--page") == 0
    page = shop.folder / "data/campaigns/all-of-them/preview.html"
    assert "preview.html" in re.sub(r"\s", "", capsys.readouterr().err)
    text = page.read_text(encoding="utf-8")
    assert text.count("<iframe sandbox") == 2
    assert "data:image/png;base64," in unescape(text)
    assert "user-00" not in text
    assert "offers would be without a link and a picture" in text, "what is shown here alone is said"
    assert not re.search(r"/[li]/[\w-]{36}", text)
    assert shop.run("forget", "somebody else", "--yes") == 0
    assert not page.exists()


def test_links_of_an_export_are_followed(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """What the file holds leads to the shop if a server of the same folder is asked, and is that customer's click."""
    with_mail(shop)
    assert shop.run("campaign export", "--segment", "all", "--format", "html", "--format", "jsonl", "--json") == 0
    send = shop.folder / "data/campaigns/all/sends" / json.loads(capsys.readouterr().out)["send_id"]
    line = json.loads((send / "mail.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert "<!--[if mso]>" in line["html"]
    (first, *_) = re.findall(r"https://reco\.example(/l/[\w-]{36})", line["text"])
    assert first in line["html"]
    assert anyio.run(followed, shop.folder, first) == {"user_id": line["user_id"], "slate_id": line["slate_id"]}


async def followed(folder: Path, path: str) -> dict[str, str]:
    """Follow a link on a server of that folder, and return what was told."""
    settings = load(folder / "regulars.toml").app
    settings = settings.model_copy(update={"data_dir": folder / "data"})
    app = create_app(settings, store=MemoryStores())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://reco.example") as client,
    ):
        answer = await client.get(path, headers={"User-Agent": "Mozilla/5.0 Firefox/127.0"})
        assert (answer.status_code, urlsplit(answer.headers["location"]).netloc) == (302, "shop.example")
        await app.state.regulars.drain.run_once()
    (file,) = (folder / "data" / "events").glob("events-*.jsonl")
    (event,) = [json.loads(each) for each in file.read_text(encoding="utf-8").splitlines()]
    return {"user_id": event["user_id"], "slate_id": event["slate_id"]}
