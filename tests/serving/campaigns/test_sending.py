"""Who gets what in a send, and what stands in its files."""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recommender.arrangement import Arranged
from recommender.candidates import ReasonCode
from recommender.engine import Engine
from recommender.events import Event
from recommender.histories import History
from recommender.model import Model
from recommender.purpose import STORED, Purpose
from recommender.request import SlateRequest
from recommender.slate import Placement
from serving.campaigns.consent import Consent
from serving.campaigns.earlier import Earlier
from serving.campaigns.present import unvisited
from serving.events.fresh import Stored, encode
from serving.experiment_settings import ExperimentSettings, Groups
from serving.shelves.recorder import DEPTHS, Recorder, cut
from serving.stores import UserRecord
from tests.models import engine_of, hostile_model, open_shelf, paired_model, shop_model, tiny_model
from tests.serving.campaigns.sent import definition_of, items_of, knowing, left_out, lines_of, published, rows_of, send


def event_of(engine: Engine, event: Event, item: int = 0, *, said: Any = None) -> bytes:
    """An event of just now, as the store keeps it."""
    now = int(engine.model.as_of.astype("datetime64[ms]").astype(np.int64)) + 1000
    item_id = None if event is Event.COMPLAINT_OPENED else engine.model.items.ids[item]
    return encode(Stored(item_id, event, 1.0, now, said))


def test_picks_are_those_of_the_engine(tmp_path: Path) -> None:
    """A user's picks are the engine's slate for an email, in its order, with its sources and reasons."""
    model = shop_model()
    made, _ = send(tmp_path, model)
    engine = engine_of(model)
    for row, line in zip(rows_of(made)[:40], lines_of(made)[:40], strict=True):
        history = engine.history(row["user_id"])
        request = SlateRequest(placement=Placement.EMAIL, limit=4, user_id=row["user_id"], history=history)
        slate = engine.recommend(request, now=model.as_of, slate_id="x", created_at=datetime.now(UTC))
        expected = [item.item_id for item in slate.items]
        assert [row[f"rec_{slot}_id"] for slot in range(1, 5)] == expected == items_of(line)
        assert [pick["reason"] for pick in line["picks"]] == [item.reason.code.label for item in slate.items]
        assert [pick["reason_item_id"] for pick in line["picks"]] == [item.reason.item_id for item in slate.items]


def test_stored_candidates_give_the_picks_that_computed_ones_give(tmp_path: Path) -> None:
    """What is published is read instead of computed, and the send is the same to the byte."""
    model = shop_model()
    computed, _ = send(tmp_path / "a", model, present=unvisited(engine_of(model)))
    stored, _ = send(tmp_path / "b", model)
    for name in ("recipients.csv", "recipients.jsonl", "manifest.json"):
        assert (computed.folder / name).read_bytes() == (stored.folder / name).read_bytes()


def test_one_row_per_user_of_the_audience(tmp_path: Path) -> None:
    """CSV and JSONL hold the audience, each once, and the manifest counts it."""
    model = shop_model()
    made, manifest = send(tmp_path, model, definition_of(name="best", audience="segment = champion"))
    users = [row["user_id"] for row in rows_of(made)]
    assert users == sorted(set(users)) == [line["user_id"] for line in lines_of(made)]
    assert {row["segment"] for row in rows_of(made)} == {"champion"}
    assert (manifest.users, manifest.written, manifest.suppressed) == (len(users), len(users), {})
    assert {row["slate_id"] for row in rows_of(made)} == {f"best.20240101.{n}" for n in range(len(users))}


def test_manifest_describes_the_files(tmp_path: Path) -> None:
    """Sizes, row counts and SHA-256 in the manifest are those of the files beside it."""
    made, _ = send(tmp_path, shop_model(), formats=("csv", "jsonl", "parquet"))
    manifest = json.loads((made.folder / "manifest.json").read_text(encoding="utf-8"))
    names = {path.name for path in made.folder.iterdir()}
    assert names == {*manifest["files"], "manifest.json", "snapshot.sqlite"}
    for name, entry in manifest["files"].items():
        content = (made.folder / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
    assert manifest["files"]["recipients.csv"]["rows"] == len(rows_of(made)) == manifest["written"]


def test_reasons_to_leave_somebody_out(tmp_path: Path) -> None:
    """Erased, unsubscribed, never agreed and a complaint that waits: the first reason counts."""
    model = shop_model()
    engine = engine_of(model)
    ids = model.users.ids
    complaint = UserRecord(fresh=(event_of(engine, Event.COMPLAINT_OPENED, said="c1"),))
    present = knowing(model, {ids[0]: complaint, ids[3]: complaint}, erased={ids[0], ids[1]})
    reasons = dict.fromkeys(ids[3:], "") | {ids[1]: "unsubscribed"} | {ids[4]: "unsubscribed"}
    made, manifest = send(tmp_path, model, present=present, consent=Consent(reasons))
    expected = {ids[0]: "erased", ids[1]: "erased", ids[2]: "no_consent", ids[3]: "open_complaint"}
    assert left_out(made) == {**expected, ids[4]: "unsubscribed"}
    assert manifest.suppressed == {"erased": 2, "no_consent": 1, "open_complaint": 1, "unsubscribed": 1}
    assert manifest.written + 5 == manifest.users == len(ids)


def test_who_bought_recently_is_left_in_peace(tmp_path: Path) -> None:
    """An order in the quiet days counts, whether the version knows of it or it came since."""
    model = shop_model()
    engine = engine_of(model)
    late = [index for index, days in enumerate(model.customers.recency_days.tolist()) if days > 30]
    new = model.users.ids[late[0]]
    bought = UserRecord(fresh=(event_of(engine, Event.PURCHASE),))
    present = knowing(model, {new: bought})
    made, _ = send(tmp_path, model, definition_of(quiet_after_order_days=30), present=present)
    quiet = {user for user, why in left_out(made).items() if why == "bought_recently"}
    known = {user for user, days in zip(model.users.ids, model.customers.recency_days, strict=True) if days < 30}
    assert quiet == known | {new}
    assert new not in known


def test_picks_know_what_happened_since_training(tmp_path: Path) -> None:
    """What was refused or lies in the cart is in no mail, and what was looked at changes it."""
    model = shop_model()
    engine = engine_of(model)
    plain, _ = send(tmp_path / "a", model)
    first = lines_of(plain)[0]
    refused, carted = (model.items.index(item) for item in items_of(first)[:2])
    record = UserRecord(
        fresh=(event_of(engine, Event.NOT_INTERESTED, refused), event_of(engine, Event.ADD_TO_CART, carted))
    )
    present = knowing(model, {first["user_id"]: record})
    made, _ = send(tmp_path / "b", model, present=present)
    assert not set(items_of(first)[:2]) & set(items_of(lines_of(made)[0]))
    assert [items_of(line) for line in lines_of(made)[1:]] == [items_of(line) for line in lines_of(plain)[1:]]


def test_control_group_is_drawn_once_and_kept(tmp_path: Path) -> None:
    """Another send of the campaign holds back the same people; another salt or campaign holds back others."""
    model = shop_model()
    first, manifest = send(tmp_path, model, definition_of(control=0.2))
    later, _ = send(tmp_path, model, definition_of(control=0.2, slots=2), send_id="20240102")
    salted, _ = send(tmp_path, model, definition_of(control=0.2, salt="b"), send_id="20240103")
    other, _ = send(tmp_path, model, definition_of(control=0.2, name="other"))
    assert left_out(first) == left_out(later)
    assert left_out(first) != left_out(salted)
    assert left_out(first) != left_out(other)
    assert set(left_out(first).values()) == {"control_group"}
    assert 0.1 < manifest.suppressed["control_group"] / manifest.users < 0.3


def test_control_is_drawn_among_those_who_would_be_mailed(tmp_path: Path) -> None:
    """Whoever is left out for another reason is not in the control group."""
    model = tiny_model("one item")
    made, _ = send(tmp_path, model, definition_of(control=0.9, slots=3, min_picks=2))
    assert set(left_out(made).values()) == {"too_few_picks"}


def test_empty_slots_are_written_empty(tmp_path: Path) -> None:
    """Fewer picks than slots leave columns empty, not out."""
    made, _ = send(tmp_path, tiny_model("one item"), definition_of(slots=3))
    for row in rows_of(made):
        assert row["rec_1_id"] == "i"
        assert row["rec_2_id"] == row["rec_3_reason"] == row["rec_3_click"] == ""


def test_stock_and_price_are_those_of_now(tmp_path: Path) -> None:
    """What is out of stock is not offered, and prices are the live ones."""
    model = shop_model()
    plain, _ = send(tmp_path / "a", model)
    first = rows_of(plain)[0]["rec_1_id"]
    shelf = open_shelf(model)
    shelf.in_stock[model.items.index(first)] = False
    present = published(model, shelf=shelf)
    dear = dataclasses.replace(present, item=lambda index: dataclasses.replace(present.item(index), price=7.0))
    made, _ = send(tmp_path / "b", model, present=dear)
    assert first not in {row[f"rec_{slot}_id"] for row in rows_of(made) for slot in range(1, 5)}
    assert {row["rec_1_price"] for row in rows_of(made)} == {"7.00"}


@pytest.mark.parametrize("recipe", ["mixed", "replenishment", "new-for-you", "win-back", "best-sellers"])
def test_recipes_keep_their_promise(tmp_path: Path, recipe: str) -> None:
    """Replenishment offers what somebody bought, new-for-you what they did not, win-back both in turn."""
    model = shop_model()
    made, manifest = send(tmp_path, model, definition_of(recipe=recipe))
    assert manifest.written
    orders = set()
    for line in lines_of(made):
        owned = model.histories.of(model.users.index(line["user_id"])).owned
        is_owned = [model.items.index(item) in owned for item in items_of(line)]
        orders.add(tuple(is_owned))
        assert len(set(items_of(line))) == len(is_owned)
        if recipe == "replenishment":
            assert all(is_owned)
            assert {pick["reason"] for pick in line["picks"]} == {ReasonCode.BUY_AGAIN.label}
        if recipe == "new-for-you":
            assert not any(is_owned)
    if recipe == "win-back":
        assert (True, False, True, False) in orders
    if recipe == "best-sellers":
        assert len({items_of(line)[0] for line in lines_of(made)}) < 20


@pytest.mark.parametrize("model_of", [shop_model, paired_model])
@pytest.mark.parametrize("slots", [4, 10])
def test_a_win_back_takes_turns_among_what_may_be_shown(
    tmp_path: Path, model_of: Callable[[], Model], slots: int
) -> None:
    """With half of the shop sold out, rows are favourite, new, favourite, new, until one kind runs out."""
    model = model_of()
    engine, shelf = engine_of(model), open_shelf(model)
    shelf.in_stock[::2] = False
    present = published(model, shelf=shelf)
    made, _ = send(tmp_path, model, definition_of(recipe="win-back", slots=slots), present=present)
    turned, sold_out = 0, 0
    for line in lines_of(made):
        history = engine.history(line["user_id"])
        assert history is not None
        again, new = kinds_of(engine, history)
        sold_out += bool(again) and not shelf.in_stock[again[0]]
        again, new = ([item for item in items if shelf.in_stock[item]] for items in (again, new))
        turns = [item for pair in itertools.zip_longest(again, new) for item in pair if item is not None][:slots]
        assert items_of(line)[: len(turns)] == [model.items.ids[item] for item in turns]
        turned += len(again) >= 2 and len(new) >= 2
    assert turned > len(model.users) / 2
    assert sold_out > 10


def kinds_of(engine: Engine, history: History) -> tuple[list[int], list[int]]:
    """What leads of somebody's favourites, and of things that are new to them in name, too."""
    found = engine.prepared(history, STORED, now=engine.model.as_of, k=max(DEPTHS.values()))
    every, news = (cut(found[purpose], DEPTHS[purpose]) for purpose in (Purpose.ALL, Purpose.NEW))
    shown = every.candidates
    is_again = shown.reason[: every.front] == ReasonCode.BUY_AGAIN
    owned = {engine.model.catalogue.title[item] for item in history.owned.tolist()}
    new = [
        item for item in news.candidates.item[: news.front].tolist() if engine.model.catalogue.title[item] not in owned
    ]
    return shown.item[: every.front][is_again].tolist(), new


def test_a_favourite_that_was_sent_lately_takes_no_turn(tmp_path: Path) -> None:
    """After a refill mail, a win-back that repeats nothing still begins with a favourite where one is left."""
    model = shop_model()
    engine = engine_of(model)
    refill, _ = send(tmp_path, model, definition_of(name="refill", recipe="replenishment", slots=1))
    sent = {line["user_id"]: items_of(line) for line in lines_of(refill)}
    with Earlier([refill], model, now=model.as_of) as earlier:
        made, _ = send(tmp_path, model, definition_of(recipe="win-back", no_repeat=1), earlier=earlier)
    orders = []
    for line in lines_of(made):
        history = engine.history(line["user_id"])
        assert history is not None
        assert not set(items_of(line)) & set(sent.get(line["user_id"], ()))
        left = {model.items.ids[item] for item in kinds_of(engine, history)[0]} - set(sent.get(line["user_id"], ()))
        if line["user_id"] in sent and len(left) >= 2:
            orders.append([model.items.index(item) in history.owned for item in items_of(line)])
    assert len(orders) > 20
    assert all(order == [True, False, True, False] for order in orders)


def test_a_replenishment_speaks_of_the_next_two_weeks(tmp_path: Path) -> None:
    """What is needed later is not in it, though a mixed mail may offer it."""
    model = shop_model()
    last = str(model.as_of.astype("datetime64[D]") + np.timedelta64(14, "D"))
    due = {}
    for recipe in ("mixed", "replenishment"):
        made, _ = send(tmp_path / recipe, model, definition_of(recipe=recipe, slots=10))
        due[recipe] = [pick["due_on"] for line in lines_of(made) for pick in line["picks"] if pick["due_on"]]
    assert max(due["mixed"]) > last >= max(due["replenishment"])


def test_who_opted_out_gets_what_a_stranger_gets(tmp_path: Path) -> None:
    """Their past is not used; a recipe that uses nothing else leaves them out, and says so."""
    model = shop_model()
    engine = engine_of(model)
    user = model.users.ids[5]
    present = published(model, opted_out={user})
    mixed, manifest = send(tmp_path, model, present=present)
    stranger = engine.recommend(
        SlateRequest(placement=Placement.EMAIL, limit=4),
        now=model.as_of,
        slate_id="s",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    (line,) = [line for line in lines_of(mixed) if line["user_id"] == user]
    assert items_of(line) == [item.item_id for item in stranger.items]
    assert (line["personal"], manifest.plain) == (False, 1)
    refill, _ = send(tmp_path, model, definition_of(name="refill", recipe="replenishment"), present=present)
    assert left_out(refill)[user] == "opted_out"


def test_experiments_hold_in_mail(tmp_path: Path) -> None:
    """Control of an experiment gets a stranger's picks, a variant with new items only those; the rest as ever."""
    model = shop_model()
    plain, _ = send(tmp_path / "plain", model)
    settings = ExperimentSettings(
        control=0.3,
        variants={"new": 0.3, "usual": 0.2},
        changes={"new": {"new_only": True}},  # type: ignore[dict-item]
    )
    groups = Groups({"holdout": settings})
    made, manifest = send(tmp_path / "grouped", model, groups=groups)
    counts: dict[str, int] = {}
    stranger = None
    for before, after in zip(lines_of(plain), lines_of(made), strict=True):
        variant = after["group"]["variant"] if "group" in after else None
        counts[f"holdout/{variant}"] = counts.get(f"holdout/{variant}", 0) + 1
        owned = model.histories.of(model.users.index(after["user_id"])).owned
        if variant == "control":
            stranger = stranger or items_of(after)
            assert items_of(after) == stranger
        elif variant == "new":
            assert not {model.items.index(item) for item in items_of(after)} & set(owned.tolist())
        else:
            assert after["picks"] == before["picks"]
    counts.pop("holdout/None")
    assert manifest.groups == counts
    assert len(counts) == 3


def test_coupons_follow_from_the_first_rule_that_fits(tmp_path: Path) -> None:
    """The first tier that fits counts, and who fits none has none."""
    tiers = (("gold", "segment = champion"), ("silver", "frequency >= 1 and segment in (champion, loyal)"))
    made, manifest = send(tmp_path, shop_model(), definition_of(tiers=tiers))
    found = {row["segment"]: row["coupon_tier"] for row in rows_of(made)}
    assert (found["champion"], found["loyal"], found["lost"]) == ("gold", "silver", "")
    assert sum(manifest.tiers.values()) == sum(bool(row["coupon_tier"]) for row in rows_of(made))


def test_rows_say_what_is_expected_of_people(tmp_path: Path) -> None:
    """Whether they are still there, the day of the next order and its interval are the version's, in every format."""
    model = shop_model()
    made, _ = send(tmp_path, model, formats=("csv", "jsonl", "parquet"))
    table = pl.read_parquet(made.folder / "recipients.parquet")
    names = ("alive", "next_order_date", "next_order_from", "next_order_until")
    assert sum(outlook is not None for outlook in table["alive"]) > 100
    for cells, line, row in zip(rows_of(made), lines_of(made), table.iter_rows(named=True), strict=True):
        user, outlook = model.users.index(row["user_id"]), model.outlook
        assert line["alive"] == row["alive"] == pytest.approx(float(outlook.alive[user]), abs=0.0005)
        days = [outlook.next_order[user], outlook.next_order_from[user], outlook.next_order_until[user]]
        assert [line[name] for name in names[1:]] == [str(day) for day in days]
        assert [str(row[name]) for name in names[1:]] == [str(day) for day in days]
        assert [cells[name] for name in names] == [f"{line['alive']:.3f}", *map(str, days)]


def test_hostile_ids(tmp_path: Path) -> None:
    """Hostile ids read back from both files, and nothing is written outside the send's folder."""
    model = hostile_model()
    made, _ = send(tmp_path, model)
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"all"}
    assert [line["user_id"] for line in lines_of(made)] == list(model.users.ids)
    shown = [row["user_id"] for row in rows_of(made)]
    assert shown == [f"'{user}" if user.startswith(("=", "'=")) else user for user in model.users.ids]


@pytest.mark.parametrize("name", ["one row", "one user", "one day", "clicks only", "guests only"])
@pytest.mark.parametrize("recipe", ["mixed", "win-back", "replenishment"])
def test_smallest_shops(name: str, recipe: str, tmp_path: Path) -> None:
    """The smallest logs give valid files; who never bought has no recency."""
    model = tiny_model(name)
    made, manifest = send(tmp_path, model, definition_of(recipe=recipe, control=0.5))
    assert manifest.users == len(model.users) == manifest.written + sum(manifest.suppressed.values())
    for row in rows_of(made):
        assert (row["recency_days"] == "") == (row["segment"] == "prospect")


def test_an_interrupted_send_is_none(tmp_path: Path) -> None:
    """After an error there is no record and no manifest, so nobody takes it for a send."""
    model = shop_model()

    class Broken:
        def __contains__(self, _: object) -> bool:
            raise OSError("store gone")

    with pytest.raises(OSError, match="store gone"):
        send(tmp_path, model, present=published(model, erased=Broken()))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_lists_that_run_short_are_filled(tmp_path: Path) -> None:
    """Where stored lists hold too little, popular items fill the slots, none of them twice."""
    model = shop_model()
    engine = engine_of(model)
    recorder = Recorder(engine)
    recorder._engine = _Short(engine)  # type: ignore[assignment]
    short = {user: UserRecord(candidates=recorder.record(user, now=model.as_of)) for user in model.users}
    present = knowing(model, short)
    made, _ = send(tmp_path, model, definition_of(slots=10), present=present)
    for line in lines_of(made):
        assert len(items_of(line)) == len(set(items_of(line))) == 10
        assert {pick["source"] for pick in line["picks"][2:]} == {"popular"}


class _Short:
    """An engine whose lists hold two items."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def history(self, user_id: str) -> Any:
        return self._engine.history(user_id)

    def prepared(self, *args: Any, **options: Any) -> dict[Purpose, Arranged]:
        found = self._engine.prepared(*args, **options)
        return {
            purpose: Arranged(found[purpose].candidates.select(slice(2)), 2, found[purpose].due[:2])
            for purpose in STORED
        }
