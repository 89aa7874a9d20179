"""The files of a campaign."""

import csv
import hashlib
import json
from collections.abc import Container
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recommender.model import Model
from recommender.request import SlateRequest
from recommender.rules import Shelf
from recommender.slate import Placement
from serving.campaigns.audience import Audience
from serving.campaigns.campaign import Campaign, write_campaign
from serving.campaigns.settings import CampaignSettings
from serving.experiment_settings import ExperimentSettings, Groups
from tests.models import engine_of, hostile_model, open_shelf, shop_model, tiny_model

FILES = ("manifest.json", "recipients.csv", "recipients.jsonl", "suppressed.csv")


def written(
    out: Path,
    model: Model,
    *,
    segment: str = "all",
    settings: CampaignSettings | None = None,
    erased: Container[str] = (),
    shelf: Shelf | None = None,
    groups: Groups | None = None,
) -> Campaign:
    """Write a campaign for the end of the log."""
    return write_campaign(
        engine_of(model),
        Audience.of(model.customers, segment),
        out,
        settings=settings or CampaignSettings(),
        currency="EUR",
        now=model.as_of,
        erased=erased,
        shelf=shelf,
        groups=groups,
    )


def rows_of(folder: Path) -> list[dict[str, str]]:
    """The rows of the CSV."""
    with (folder / "recipients.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines_of(folder: Path) -> list[dict[str, object]]:
    """The lines of the JSONL."""
    return [json.loads(line) for line in (folder / "recipients.jsonl").read_text(encoding="utf-8").splitlines()]


def test_picks_are_those_of_the_engine(tmp_path: Path) -> None:
    """A user's picks in the file are the engine's slate for an email, in its order."""
    model = shop_model()
    written(tmp_path, model)
    engine = engine_of(model)
    for row, line in zip(rows_of(tmp_path / "all")[:20], lines_of(tmp_path / "all")[:20], strict=True):
        request = SlateRequest(
            placement=Placement.EMAIL, limit=4, user_id=row["user_id"], history=engine.history(row["user_id"])
        )
        slate = engine.recommend(request, now=model.as_of, slate_id="x", created_at=datetime.now(UTC))
        expected = [item.item_id for item in slate.items]
        assert [row[f"rec_{slot}_id"] for slot in range(1, 5)] == expected
        assert [pick["item_id"] for pick in line["picks"]] == expected  # type: ignore[attr-defined]


def test_one_row_per_user_of_the_segment(tmp_path: Path) -> None:
    """CSV and JSONL hold the segment's users, each once, and the manifest counts them."""
    model = shop_model()
    audience = Audience.of(model.customers, "champion")
    campaign = written(tmp_path, model, segment="champion")
    users = [model.users.ids[user] for user in audience.user]
    assert [row["user_id"] for row in rows_of(tmp_path / "champion")] == users
    assert [line["user_id"] for line in lines_of(tmp_path / "champion")] == users
    assert {row["segment"] for row in rows_of(tmp_path / "champion")} == {"champion"}
    assert (campaign.users, campaign.written, campaign.suppressed) == (len(users), len(users), {})


def test_manifest_describes_the_files(tmp_path: Path) -> None:
    """Sizes, row counts and SHA-256 in the manifest are those of the files beside it; nothing else lies there."""
    written(tmp_path, shop_model())
    folder = tmp_path / "all"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
    assert manifest["files"]["recipients.csv"]["rows"] == len(rows_of(folder)) == manifest["written"]


def test_same_model_same_bytes(tmp_path: Path) -> None:
    """Two runs for the same moment write the same files."""
    written(tmp_path / "first", shop_model())
    written(tmp_path / "second", shop_model())
    for name in FILES:
        assert (tmp_path / "first/all" / name).read_bytes() == (tmp_path / "second/all" / name).read_bytes()


def test_erased_users_are_left_out(tmp_path: Path) -> None:
    """Whoever asked to be forgotten is in no file but the list of those left out."""
    model = shop_model()
    gone = model.users.ids[3]
    campaign = written(tmp_path, model, erased={gone})
    assert campaign.suppressed == {"erased": 1}
    assert campaign.written == campaign.users - 1
    assert gone not in {row["user_id"] for row in rows_of(tmp_path / "all")}
    assert (tmp_path / "all/suppressed.csv").read_text(encoding="utf-8").splitlines()[1:] == [f"{gone},erased"]


def test_too_few_picks(tmp_path: Path) -> None:
    """A shop with one item has too little to show; everybody is left out, and the files say so."""
    model = tiny_model("one item")
    campaign = written(tmp_path, model, settings=CampaignSettings(slots=3, min_picks=2))
    assert campaign.suppressed == {"too_few_picks": campaign.users}
    assert rows_of(tmp_path / "all") == []


def test_empty_slots_are_written_empty(tmp_path: Path) -> None:
    """Fewer picks than slots leave columns empty, not out."""
    written(tmp_path, tiny_model("one item"), settings=CampaignSettings(slots=3))
    for row in rows_of(tmp_path / "all"):
        assert row["rec_1_id"] == "i"
        assert row["rec_2_id"] == row["rec_3_reason"] == ""


def test_stock_and_price_are_those_of_now(tmp_path: Path) -> None:
    """What is out of stock is not offered, and prices are the live ones."""
    model = shop_model()
    written(tmp_path, model)
    first = rows_of(tmp_path / "all")[0]["rec_1_id"]
    shelf = open_shelf(model)
    shelf.in_stock[model.items.index(first)] = False
    shelf.price[:] = 7.0
    written(tmp_path, model, shelf=shelf)
    offered = {row[f"rec_{slot}_id"] for row in rows_of(tmp_path / "all") for slot in range(1, 5)}
    assert first not in offered
    assert {row["rec_1_price"] for row in rows_of(tmp_path / "all")} == {"7.00"}


def test_only_new_items(tmp_path: Path) -> None:
    """With new_only nobody is offered what they own."""
    model = shop_model()
    written(tmp_path, model, settings=CampaignSettings(new_only=True))
    for row in rows_of(tmp_path / "all"):
        owned = model.histories.of(model.users.index(row["user_id"])).owned
        assert not {row[f"rec_{slot}_id"] for slot in range(1, 5)} & {model.items.ids[item] for item in owned}


def test_hostile_ids(tmp_path: Path) -> None:
    """Hostile ids read back from both files, and nothing is written outside the campaign's folder."""
    model = hostile_model()
    written(tmp_path, model)
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"all"}
    assert [line["user_id"] for line in lines_of(tmp_path / "all")] == list(model.users.ids)
    shown = [row["user_id"] for row in rows_of(tmp_path / "all")]
    assert shown == [f"'{user}" if user.startswith(("=", "'=")) else user for user in model.users.ids]


@pytest.mark.parametrize("name", ["one row", "one user", "one day", "clicks only", "guests only"])
def test_smallest_shops(name: str, tmp_path: Path) -> None:
    """The smallest logs give valid files; who never bought has no recency."""
    model = tiny_model(name)
    campaign = written(tmp_path, model)
    assert campaign.users == len(model.users)
    for row in rows_of(tmp_path / "all"):
        assert (row["recency_days"] == "") == (row["segment"] == "prospect")


def test_interrupted_campaign_leaves_no_manifest(tmp_path: Path) -> None:
    """After an error the earlier files stay, but no manifest vouches for them any more."""
    model = shop_model()
    written(tmp_path, model)
    before = (tmp_path / "all/recipients.csv").read_bytes()

    class Broken:
        def __contains__(self, _: object) -> bool:
            raise OSError("store gone")

    with pytest.raises(OSError, match="store gone"):
        written(tmp_path, model, erased=Broken())
    assert (tmp_path / "all/recipients.csv").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == sorted(FILES[1:])


def test_moment_is_the_given_one(tmp_path: Path) -> None:
    """The campaign speaks of the moment it was asked for."""
    model = shop_model()
    assert written(tmp_path, model).as_of == f"{model.as_of}Z"


def test_control_gets_no_personal_picks(tmp_path: Path) -> None:
    """Members of control get what a stranger's mail would show; everybody else's picks stay as they were."""
    model = shop_model()
    written(tmp_path / "plain", model)
    groups = Groups({"holdout": ExperimentSettings(control=0.3, variants={"usual": 0.5})})
    campaign = written(tmp_path / "grouped", model, groups=groups)
    stranger = engine_of(model).recommend(
        SlateRequest(placement=Placement.EMAIL, limit=CampaignSettings().slots),
        now=model.as_of,
        slate_id="s",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    impersonal = [item.item_id for item in stranger.items]
    counts = {"holdout/control": 0, "holdout/usual": 0, "": 0}
    plain_lines, lines = (lines_of(tmp_path / folder / "all") for folder in ("plain", "grouped"))
    for plain, grouped in zip(plain_lines, lines, strict=True):
        found = groups.of(str(plain["user_id"]))
        variant = None if found is None else found.assigned.variant
        counts["" if variant is None else f"holdout/{variant}"] += 1
        if variant == "control":
            assert [pick["item_id"] for pick in grouped["picks"]] == impersonal  # type: ignore[attr-defined]
        else:
            assert grouped["picks"] == plain["picks"]
        assert "group" not in plain
        assert grouped.get("group") == (variant and {"experiment": "holdout", "variant": variant})
    assert all(counts.values()), "each group has members, and so has the rest"
    assert campaign.groups == {name: count for name, count in counts.items() if name}
