"""What shoppers do changes what they see next, within a second and in every worker: the real server, two workers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommender.refusals import NEAREST
from serving.settings import AppSettings, ServingSettings
from tests.models import shop_model
from tests.planted import item_id, user_id
from tests.serving.conftest import Shelves, ids
from tests.serving.live import Live, live

pytestmark = pytest.mark.slow

ONE_SECOND = 1.0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, registry: Shelves) -> Iterator[Live]:
    """Two workers on the wall clock, with an embedded Valkey."""
    folder = tmp_path_factory.mktemp("loop")
    (folder / "artifacts").symlink_to(registry.root)
    settings = AppSettings(data_dir=folder, serving=ServingSettings(workers=2, drain_seconds=0.2))
    with registry.marked(registry.shop), live(settings) as running:
        yield running


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def did(event: str, item: str | None = None, **more: Any) -> dict[str, Any]:
    return {"event": event, **({} if item is None else {"item_id": item}), **more}


def lacks(*items: str) -> Any:
    return lambda slate: not set(items) & set(ids(slate))


def test_bought_items_leave(shop: Live) -> None:
    """In all workers, from home and from the mail."""
    user = user_id(1)
    first = shop.shown(user_id=user)[0]
    shop.report(did("purchase", first, user_id=user, order_id="o-1"))
    for placement in ("home", "email", "reorder"):
        assert shop.seconds_until(lacks(first), user_id=user, placement=placement) < ONE_SECOND


def test_what_lies_in_the_cart_is_shown_nowhere(shop: Live) -> None:
    """Not on any placement, until it is taken out; an event that comes too late changes nothing."""
    user = user_id(2)
    first = shop.shown(user_id=user)[0]
    shop.report(did("add_to_cart", first, user_id=user, time=ago(60)))
    for placement in ("home", "email", "cart", "reorder", "product", "trending", "bestsellers"):
        assert shop.seconds_until(lacks(first), user_id=user, placement=placement, limit=50) < ONE_SECOND
    shop.report(did("remove_from_cart", first, user_id=user, time=ago(30)))
    assert shop.seconds_until(lambda slate: first in ids(slate), user_id=user, limit=50) < ONE_SECOND
    shop.report(did("add_to_cart", first, user_id=user, time=ago(45)))
    assert first in shop.shown(user_id=user, limit=50)


@pytest.mark.parametrize(
    ("number", "no"),
    [(3, {"event": "not_interested"}), (4, {"event": "return"}), (5, {"event": "rating", "rating": 1})],
)
def test_refused_items_leave_with_their_nearest(shop: Live, number: int, no: dict[str, Any]) -> None:
    """The item and its company, and no aisle; a late purchase from before the refusal changes nothing."""
    user, question = user_id(number), {"user_id": user_id(number), "limit": 40}
    before = shop.slates(**question)[0]
    first = ids(before)[0]
    shop.report(no | {"item_id": first, "user_id": user, "time": ago(20)})
    assert shop.seconds_until(lacks(first), **question) < ONE_SECOND
    left = [item for item in before["items"] if item["item_id"] not in shop.shown(**question)]
    assert 1 <= len(left) <= 1 + NEAREST
    assert {item["category"] for item in left} == {before["items"][0]["category"]}
    shop.report(did("purchase", first, user_id=user, time=ago(40)))
    assert first not in shop.shown(**question)


def test_an_open_complaint_ends_promotion(shop: Live) -> None:
    """Mail and cart stay empty and say why, home shows what is bought again; until that complaint is closed."""
    user = user_id(7)
    shop.report(did("complaint_opened", user_id=user, complaint_id="c1"))
    for placement in ("email", "cart"):
        question = {"user_id": user, "placement": placement, "seeds": {"cart": [item_id(0)]}}
        assert shop.seconds_until(lambda slate: not slate["items"], **question) < ONE_SECOND
        assert {slate["withheld"] for slate in shop.slates(**question)} == {"open_complaint"}
    for slate in shop.slates(user_id=user):
        assert slate["withheld"] == "open_complaint"
        assert {item["reason"]["code"] for item in slate["items"]} <= {"buy_again"}
    asked = shop.slates(user_id=user, seeds={"viewed": [item_id(0)]})[0]
    assert {item["source"] for item in asked["items"]} <= {"buy_again", "similar", "popular_in_category"}
    assert len(asked["items"]) > 0
    product = shop.slates(user_id=user, placement="product", seeds={"viewed": [item_id(0)]})[0]
    assert "withheld" not in product
    assert product["items"]
    shop.report(did("complaint_closed", user_id=user, complaint_id="another"))
    assert not shop.shown(user_id=user, placement="email")
    shop.report(did("complaint_closed", user_id=user, complaint_id="c1"))
    assert shop.seconds_until(lambda slate: "withheld" not in slate, user_id=user, placement="email") < ONE_SECOND
    assert shop.shown(user_id=user, placement="email")


def test_first_purchases_shape_a_newcomers_shelf(shop: Live) -> None:
    """A user nobody knew gets the shelf of what they buy."""
    assert shop.slates(user_id="new 空")[0]["source"] == "popular"
    shop.report(*(did("purchase", item_id(item), user_id="new 空", order_id="o") for item in (0, 4, 8)))
    assert shop.seconds_until(lambda slate: slate["source"] == "folded_in", user_id="new 空") < ONE_SECOND


def test_a_guest_is_known_by_what_they_view_and_becomes_a_user(shop: Live) -> None:
    """Views shape the session; after the sign-in they are the user's and nobody else's, however often that is said."""
    guest, user = "browser/1 空", "signed in"
    viewed = [did("click", item_id(item), anonymous_id=guest) for item in (0, 4, 8)]
    assert shop.slates(anonymous_id=guest)[0]["source"] == "popular"
    shop.report(*viewed, did("not_interested", item_id(12), anonymous_id=guest))
    assert shop.seconds_until(lambda slate: slate["source"] == "folded_in", anonymous_id=guest) < ONE_SECOND
    assert shop.slates(anonymous_id=guest)[0]["user_id"] is None
    assert item_id(12) not in shop.shown(anonymous_id=guest, limit=100)
    assert shop.slates(user_id=user)[0]["source"] == "popular"
    body = {"anonymous_id": guest, "user_id": user}
    assert shop.post("/v1/users:merge", body) == {**body, "moved": 4, "kept_in": "stream"}
    assert shop.seconds_until(lambda slate: slate["source"] == "folded_in", user_id=user) < ONE_SECOND
    mine = shop.shown(user_id=user)
    assert shop.post("/v1/users:merge", body)["moved"] == 0
    assert shop.shown(user_id=user) == mine
    assert shop.slates(anonymous_id=guest)[0]["source"] == "popular"
    late = did("not_interested", mine[0], anonymous_id=guest)
    shop.report(late)
    assert shop.seconds_until(lacks(mine[0]), user_id=user) < ONE_SECOND


def test_history_may_be_left_out(shop: Live) -> None:
    """`personal: false` answers as for nobody, and what the page shows still counts."""
    user = user_id(9)
    nobody = shop.shown(guest=True)
    assert shop.shown(user_id=user) != nobody
    slate = shop.slates(user_id=user, anonymous_id="b", personal=False)[0]
    assert (ids(slate), slate["user_id"]) == (nobody, None)
    beside = {"placement": "product", "seeds": {"viewed": [item_id(0)]}}
    assert shop.shown(user_id=user, personal=False, **beside) == shop.shown(guest=True, **beside)
    response = shop.clients[0].get(f"/v1/users/{user}/recommendations", params={"personal": "false"})
    assert ids(response.json()) == nobody


def test_stock_and_prices_reach_every_worker(shop: Live) -> None:
    """Sold out in one worker is sold out in all, within a second."""
    user = user_id(11)
    first, second = shop.shown(user_id=user)[:2]
    items = [{"item_id": first, "stock": 0}, {"item_id": second, "price": 77.5}]
    assert shop.clients[0].put("/v1/items", json={"items": items}).status_code == 200
    assert shop.seconds_until(lacks(first), user_id=user) < ONE_SECOND

    def is_priced(slate: dict[str, Any]) -> bool:
        return bool(next(item["price"] for item in slate["items"] if item["item_id"] == second) == 77.5)

    assert shop.seconds_until(is_priced, user_id=user) < ONE_SECOND
    assert shop.clients[0].put("/v1/items", json={"items": [{"item_id": first, "stock": 1}]}).status_code == 200
    assert shop.seconds_until(lambda slate: first in ids(slate), user_id=user) < ONE_SECOND


def test_every_event_of_a_batch_has_its_fate(shop: Live) -> None:
    """By place in the batch: new, known already, or refused with the reason."""
    first = did("click", item_id(0), event_id="fate-1", position=3, source="mail", campaign="c", currency="EUR")
    wrong = [
        did("rating", item_id(0)),
        did("click", item_id(0), rating=3),
        did("rating", item_id(0), rating=6),
        did("click", item_id(0), currency="euro"),
    ]
    shop.report(first)
    answer = shop.post("/v1/events", {"events": [did("click", item_id(1)), first, *wrong, first]})
    assert (answer["accepted"], answer["duplicates"], answer["repeated"]) == (3, 2, [1, 6])
    assert [refused["index"] for refused in answer["rejected"]] == [2, 3, 4, 5]


def test_planted_items_have_categories() -> None:
    """What is said of aisles above is said of something."""
    assert len({int(category) for category in shop_model().catalogue.category}) > 3
