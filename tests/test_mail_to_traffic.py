"""From a link in a mail to what the mail sold: send, click, order, `regulars traffic`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from serving.app import create_app
from serving.campaigns.links import Links
from serving.campaigns.settings import CampaignSettings
from serving.settings import AppSettings
from serving.stores.memory import MemoryStores
from tests.models import shop_model
from tests.serving.campaigns.made_send import send_to
from tests.serving.conftest import Shelves, published, registry, served  # noqa: F401  a fixture
from training.progress import SilentProgress
from training.settings import TrainingSettings
from training.traffic.tables import traffic_report

pytestmark = pytest.mark.anyio

BROWSER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/127.0"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_a_mail_sold_is_found(tmp_path: Path, registry: Shelves) -> None:  # noqa: F811
    """An order after the click is the mail's, with its place; pictures, programs and other orders are not."""
    model, stores = shop_model(), MemoryStores()
    ann, bob, eve = model.users.ids[:3]
    mail = CampaignSettings(public_url="https://reco.example", shop_url="https://shop.example")
    settings = AppSettings(data_dir=tmp_path, campaign=mail)
    now = f"{registry.shop.model.as_of.astype('datetime64[s]')}Z"
    links = Links.of(settings, send_to(tmp_path, model, dict.fromkeys((ann, bob, eve), (0, 1, 2)), as_of=now))
    assert links is not None
    settings = settings.model_copy(update={"serving": settings.serving.model_copy(update={"clock": "data"})})
    await published(registry.shop, stores)
    async with served(create_app(settings, store=stores, registry_root=registry.root)) as shop:

        async def opened(address: str, **headers: str) -> None:
            assert (await shop.client.get(urlsplit(address).path, headers=BROWSER | headers)).status_code in (200, 302)

        async def bought(user: str, item: int, order: str) -> None:
            event = {"event": "purchase", "user_id": user, "item_id": model.items.ids[item], "order_id": order}
            await shop.post("/v1/events", {"events": [event | {"price": 5.0}]}, status=202)

        await opened(links.click(0, 1))
        await bought(ann, 1, "from the mail")
        await bought(ann, 7, "something else")
        await opened(links.image(1, 0))
        await bought(bob, 0, "only saw the picture")
        await opened(links.click(2, 0), **{"User-Agent": "curl/8"})
        await bought(eve, 0, "whose gateway looked")
        await shop.state.drain.run_once()
    training = TrainingSettings.model_validate({"data": {"dir": tmp_path}, "folder": tmp_path})
    report = traffic_report(training, since=None, until=None, with_log=False, erased=(), progress=SilentProgress())
    (row,) = report.views["position"]
    assert (row.placement, row.position, row.impressions, row.clicks, row.orders, row.revenue) == (
        "email",
        2,
        0,
        1,
        1,
        5.0,
    )
    assert report.orders == 4
