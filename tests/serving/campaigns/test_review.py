"""A send that exists is written for those who may still be written to, and for nobody else."""

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recommender.events import Event
from recommender.model import Model
from serving.campaigns.consent import Consent
from serving.campaigns.exporting import export
from serving.campaigns.manifest import Manifest, read_manifest
from serving.campaigns.review import reviewed
from serving.campaigns.sends import Send
from serving.stores import UserRecord
from tests.models import engine_of, shop_model
from tests.serving.campaigns.sent import definition_of, knowing, left_out, lines_of, published, rows_of, send
from tests.serving.campaigns.test_sending import event_of


def again(made: Send, model: Model, consent: Consent | None = None, present: Any = None, **options: Any) -> Manifest:
    """Export a send once more, as the command does it."""
    with made.snapshot() as snapshot:
        review = reviewed(snapshot, engine_of(model), present or published(model), consent)
    return export(made, review=review, **options)


def agreeing(model: Model, but: Collection[str] = ()) -> Consent:
    """Everybody said yes, but for some who unsubscribed."""
    return Consent(dict.fromkeys(model.users.ids, "") | dict.fromkeys(but, "unsubscribed"))


def people_in(folder: Path) -> dict[str, list[str]]:
    """Who is in which file of a send."""
    with (folder / "braze_attributes-001.csv").open(encoding="utf-8", newline="") as file:
        braze = [row["external_id"] for row in csv.DictReader(file)]
    (klaviyo,) = folder.glob("klaviyo_profiles-*.json")
    profiles = orjson.loads(klaviyo.read_bytes())["data"]["attributes"]["profiles"]["data"]
    made = Send("all", "x", folder)
    return {
        "csv": [row["user_id"] for row in rows_of(made)],
        "jsonl": [line["user_id"] for line in lines_of(made)],
        "parquet": pl.read_parquet(folder / "recipients.parquet")["user_id"].to_list(),
        "braze": braze,
        "klaviyo": [profile["attributes"]["external_id"] for profile in profiles],
    }


def test_who_refused_since_is_in_no_file(tmp_path: Path) -> None:
    """Unsubscribed, unheard of, complaining, opted out: each is left out of every file, listed and counted."""
    model = shop_model()
    ids = list(model.users.ids)
    everything: dict[str, Any] = {"formats": ("csv", "jsonl", "parquet"), "layouts": ("braze", "klaviyo")}
    made, first = send(tmp_path, model, consent=agreeing(model), **everything)
    record = (made.folder / "snapshot.sqlite").read_bytes()
    complaint = UserRecord(fresh=(event_of(engine_of(model), Event.COMPLAINT_OPENED, said="c1"),))
    consent = Consent(dict.fromkeys(ids[1:], "") | {ids[2]: "unsubscribed"})
    present = knowing(model, {ids[3]: complaint, ids[5]: UserRecord(erased=True)}, opted_out={ids[4]})
    second = again(made, model, consent, present, **everything)
    refused = {ids[0]: "no_consent", ids[2]: "unsubscribed", ids[3]: "open_complaint", ids[4]: "opted_out"}
    assert left_out(made) == refused
    assert all(people == [ids[1], *ids[6:]] for people in people_in(made.folder).values())
    assert second.withheld == {"erased": 1, "no_consent": 1, "open_complaint": 1, "opted_out": 1, "unsubscribed": 1}
    assert second.suppressed == second.withheld
    assert second.written == first.written - 5 == second.users - sum(second.suppressed.values())
    assert second.picks == sum(len(line["picks"]) for line in lines_of(made)) < first.picks
    assert all(entry.rows == second.written for name, entry in second.files.items() if name != "suppressed.csv")
    assert (made.folder / "snapshot.sqlite").read_bytes() == record, "the record stays"


def test_control_and_picks_stay(tmp_path: Path) -> None:
    """Who was held back is held back again, and everybody who is written has the picks they had."""
    model = shop_model()
    ids = list(model.users.ids)
    made, _ = send(tmp_path, model, definition_of(control=0.3), consent=agreeing(model))
    before, control = {line["user_id"]: line for line in lines_of(made)}, left_out(made)
    gone = next(user for user in ids if user in before)
    manifest = again(made, model, agreeing(model, but=[gone]), formats=("jsonl",))
    assert {line["user_id"]: line for line in lines_of(made)} == {
        user: line for user, line in before.items() if user != gone
    }
    assert left_out(made) == {**control, gone: "unsubscribed"}
    assert manifest.suppressed == {"control_group": len(control), "unsubscribed": 1}
    back = again(made, model, agreeing(model), formats=("jsonl",))
    assert (back.withheld, len(lines_of(made))) == ({}, len(before)), "a yes counts again"


def test_who_opted_out_may_get_what_strangers_get(tmp_path: Path) -> None:
    """Picks that rest on nobody's past are sent to those who want none of theirs used."""
    model = shop_model()
    stranger, other = model.users.ids[:2]
    made, _ = send(tmp_path, model, present=published(model, opted_out={stranger}))
    manifest = again(made, model, present=published(model, opted_out={stranger, other}))
    assert manifest.withheld == {"opted_out": 1}
    assert left_out(made) == {other: "opted_out"}
    assert manifest.plain == 1


def test_the_word_on_consent_is_true_of_every_file(tmp_path: Path) -> None:
    """Files that hold who is left out now are not described any more, and named; when written again, they are back."""
    model = shop_model()
    gone = model.users.ids[0]
    made, first = send(tmp_path, model, formats=("csv", "jsonl"))
    assert again(made, model, agreeing(model), formats=("parquet",)).files.keys() == {
        *first.files,
        "recipients.parquet",
    }
    second = again(made, model, agreeing(model, but=[gone]), formats=("jsonl",))
    assert (second.consent, set(second.files)) == ("checked", {"recipients.jsonl", "suppressed.csv"})
    assert "recipients.csv, recipients.parquet" in second.warnings[-1]
    third = again(made, model, agreeing(model, but=[gone]), formats=("csv", "parquet"))
    assert not any("earlier export" in warning for warning in third.warnings)
    assert third.files.keys() == {"recipients.csv", "recipients.jsonl", "recipients.parquet", "suppressed.csv"}
    for name in third.files:
        if name != "suppressed.csv":
            assert gone.encode() not in (made.folder / name).read_bytes()
    assert read_manifest(made.folder) == third


def test_consent_that_is_no_longer_asked_for(tmp_path: Path) -> None:
    """Without a file of consent, the manifest says whether there was one when the send was made."""
    model = shop_model()
    made, _ = send(tmp_path, model, consent=agreeing(model))
    assert again(made, model).consent.startswith("checked when the send was made, and not for these files")
    made, _ = send(tmp_path / "b", model)
    assert again(made, model).consent == "not checked: campaign.consent is not set"


def test_fewer_files_of_a_layout(tmp_path: Path) -> None:
    """A file of an earlier export that this one has no rows for is gone: nobody imports it by mistake."""
    from serving.campaigns.layouts import klaviyo

    model = shop_model()
    made, first = send(tmp_path, model, layouts=("klaviyo",))
    extra = made.folder / f"{klaviyo.STEM}-009.json"
    extra.write_text("{}", encoding="utf-8")
    (made.folder / "klaviyo_catalog-001.json").write_text("[]", encoding="utf-8")
    manifest = again(made, model, layouts=("klaviyo", "braze"))
    assert manifest.files.items() > first.files.items()
    assert not extra.exists()
    assert (made.folder / "klaviyo_catalog-001.json").exists(), "another layout's"
    fewer = again(made, model, agreeing(model, but=[model.users.ids[0]]), layouts=("braze",))
    assert (set(manifest.notes), set(fewer.notes)) == ({"braze", "klaviyo"}, {"braze"})
