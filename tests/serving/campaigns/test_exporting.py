"""Formats and layouts of one send."""

import csv
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recommender.errors import InvalidInput
from recommender.model import Model
from serving.campaigns.exporting import export
from serving.campaigns.landing import Landing
from serving.campaigns.layouts import braze, klaviyo, klaviyo_catalog, mailchimp
from serving.campaigns.layouts.layout import Fitting, Frame, SplitFiles
from serving.campaigns.letters import Shop
from serving.campaigns.mail import Postman
from serving.campaigns.mail_lines import Press
from serving.campaigns.mail_settings import MailSettings
from serving.campaigns.manifest import Manifest, read_manifest
from serving.campaigns.rows import header
from serving.campaigns.sends import Send
from serving.campaigns.tables import schema_of
from tests.models import hostile_model, shop_model
from tests.serving.campaigns.sent import definition_of, lines_of, published, rows_of, send
from tests.serving.campaigns.test_rows import Two


def with_pages(model: Model, *, long: int = 0) -> Any:
    """A shop whose items have pages and pictures, and long titles if wanted."""
    present = published(model)

    def item(index: int) -> Any:
        known = present.item(index)
        page = f"https://shop.example/{index}"
        return dataclasses.replace(known, url=page, image_url=f"{page}.png", title=(known.title + " é" * long).strip())

    return dataclasses.replace(present, item=item)


def test_a_second_export_writes_the_same_bytes(tmp_path: Path) -> None:
    """The record decides: files come back byte by byte, and the manifest names those of both exports."""
    made, first = send(tmp_path, shop_model(), formats=("csv",))
    content = (made.folder / "recipients.csv").read_bytes()
    again = export(made, formats=("csv", "jsonl"))
    assert (made.folder / "recipients.csv").read_bytes() == content
    assert again.files["recipients.csv"] == first.files["recipients.csv"]
    assert set(export(made, formats=("parquet",)).files) == {
        "recipients.csv",
        "recipients.jsonl",
        "recipients.parquet",
        "suppressed.csv",
    }
    assert read_manifest(made.folder).files.keys() == {path.name for path in made.folder.iterdir()} - {
        "manifest.json",
        "snapshot.sqlite",
    }


def test_parquet_holds_the_same_with_types(tmp_path: Path) -> None:
    """The table has the CSV's columns; numbers and days are such, and nothing is disarmed."""
    model = hostile_model()
    made, _ = send(tmp_path, model, definition_of(slots=3), formats=("csv", "parquet"), links=Two())
    table = pl.read_parquet(made.folder / "recipients.parquet")
    assert table.columns == header(3)
    assert table["user_id"].to_list() == list(model.users.ids)
    assert table.schema == schema_of(3)
    assert {table.schema[f"next_order_{name}"] for name in ("date", "from", "until")} == {pl.Date()}
    for cells, row in zip(rows_of(made), table.iter_rows(named=True), strict=True):
        assert cells["rec_2_click"] == (row["rec_2_click"] or "")
        assert cells["rec_1_reason"] == (row["rec_1_reason"] or "")
    same, _ = send(tmp_path / "b", model, definition_of(slots=3), formats=("parquet",), links=Two())
    assert (same.folder / "recipients.parquet").read_bytes() == (made.folder / "recipients.parquet").read_bytes()


def test_mails_are_drawn_for_everybody(tmp_path: Path) -> None:
    """One line per recipient with HTML and text, whose links are those of the CSV."""
    made, _ = send(tmp_path, shop_model(), definition_of(audience="segment = champion"))
    shop = Shop(name="Corner Store", url="https://shop.example", currency="EUR", language="en")
    press = Press(Postman.of(MailSettings()), shop)
    manifest = export(made, formats=("html",), links=Two(), press=press)
    lines = [json.loads(line) for line in (made.folder / "mail.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["user_id"] for line in lines] == [line["user_id"] for line in lines_of(made)]
    assert manifest.files["mail.jsonl"].rows == len(lines)
    assert all(f"https://reco.example/l/{at},0" in line["html"] for at, line in enumerate(lines))
    assert all("Corner Store" in line["text"] for line in lines)


@pytest.mark.parametrize(
    ("options", "said"), [({"formats": ["xls"]}, "no format 'xls'"), ({"layouts": ["x"]}, "layout")]
)
def test_unknown_formats_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """What there is is named, and nothing is touched."""
    made, manifest = send(tmp_path, shop_model())
    with pytest.raises(InvalidInput, match=said):
        export(made, **options)
    assert read_manifest(made.folder) == manifest


def test_klaviyo_profiles_keep_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is one request of at most so many profiles, with every slot in it; too large a profile is refused."""
    monkeypatch.setattr(klaviyo, "MAX_PROFILES", 100)
    model = shop_model()
    made, manifest = send(tmp_path, model, layouts=("klaviyo",), addresses={model.users.ids[0]: "a@x.example"})
    files = sorted(made.folder.glob("klaviyo_profiles-*.json"))
    assert [manifest.files[path.name].rows for path in files] == [100] * (len(files) - 1) + [
        manifest.written % 100 or 100
    ]
    profiles = []
    for path in files:
        body = json.loads(path.read_bytes())["data"]
        assert body["type"] == "profile-bulk-import-job"
        profiles += [profile["attributes"] for profile in body["attributes"]["profiles"]["data"]]
    assert [profile["external_id"] for profile in profiles] == list(model.users.ids)
    assert [profile.get("email") for profile in profiles[:2]] == ["a@x.example", None]
    assert all(set(profile["properties"]) == set(profiles[0]["properties"]) for profile in profiles)
    monkeypatch.setattr(klaviyo, "MAX_PROFILE_BYTES", 200)
    with pytest.raises(InvalidInput, match="Klaviyo takes 200; make the campaign again with fewer slots"):
        export(made, formats=(), layouts=("klaviyo",))
    assert not list(made.folder.glob(".*"))


def test_klaviyo_catalogue_has_what_is_required(tmp_path: Path) -> None:
    """Every item that the send speaks of is there once, flat, with the required fields; one without a page is not."""
    model = shop_model()
    made, manifest = send(tmp_path, model, layouts=("klaviyo-catalog",), present=with_pages(model))
    items = json.loads((made.folder / "klaviyo_catalog-001.json").read_bytes())
    assert all(not isinstance(value, dict | list) for item in items for value in item.values())
    assert all({"id", "title", "link", "description", "image_link"} <= item.keys() for item in items)
    picked = {pick["item_id"] for line in lines_of(made) for pick in line["picks"]}
    assert picked <= {item["id"] for item in items}
    assert (manifest.notes, manifest.warnings) == ({"klaviyo-catalog": []}, [])
    _, without = send(tmp_path / "b", model, layouts=("klaviyo-catalog",))
    assert "items without a page or a picture left out" in without.notes["klaviyo-catalog"][0]
    assert not [name for name in without.files if name.startswith(klaviyo_catalog.STEM)], "no empty feed"
    assert not list((tmp_path / "b").rglob("klaviyo_catalog*"))
    (said,) = (warning for warning in without.warnings if warning.startswith("klaviyo-catalog: no file was written"))
    assert said.endswith("Set items.url and items.image_url.")
    assert klaviyo_catalog.MAX_BYTES <= 100_000_000


def with_addresses(model: Model, *addresses: str) -> Any:
    """A shop whose items have these pages, in turn, and pictures that are called so."""
    present = published(model)

    def item(index: int) -> Any:
        address = addresses[index % len(addresses)]
        return dataclasses.replace(present.item(index), url=address, image_url=address and f"{address}?picture")

    return dataclasses.replace(present, item=item)


def everything_written(folder: Path) -> str:
    """What stands in the files of a send, and not in its record."""
    files = [path for path in folder.iterdir() if path.suffix not in {".sqlite", ".parquet"}]
    table = pl.read_parquet(folder / "recipients.parquet").write_csv()
    return table + "".join(path.read_text(encoding="utf-8") for path in files if path.name != "manifest.json")


EVERYTHING: dict[str, Any] = {
    "formats": ("csv", "jsonl", "parquet", "html"),
    "layouts": ("klaviyo", "klaviyo-catalog", "braze", "mailchimp"),
}


def exported_in_full(made: Send, model: Model, **settings: Any) -> Manifest:
    """Write a send in every format and layout."""
    mail = MailSettings(**settings)
    press = Press(
        Postman.of(mail), Shop(name="Corner Store", url="/shop", currency="EUR", language="en"), Landing(mail)
    )
    addresses = {user: f"{at}@x.example" for at, user in enumerate(model.users.ids)}
    return export(made, **EVERYTHING, press=press, addresses=addresses, **settings)


def test_only_addresses_that_lead_somewhere_are_written(tmp_path: Path) -> None:
    """Scripts, data and users before a host are in no file; how many there were is said, with the setting."""
    model = shop_model()
    hostile = ("javascript:alert(1)", "data:text/html,evil", "https://shop@evil.example/", "https://shop.example/ok")
    made, _ = send(tmp_path, model, present=with_addresses(model, *hostile))
    manifest = exported_in_full(made, model)
    written = everything_written(made.folder)
    assert "https://shop.example/ok?picture" in written
    assert not re.search(r"javascript:|data:|evil|\"/shop", written)
    pages, pictures = (warning for warning in manifest.warnings if "are written without their" in warning)
    with made.snapshot() as snapshot:
        numbers = [number for number, _ in snapshot.item_ids()]
    n_bad = sum(number % len(hostile) != 3 for number in numbers)
    assert f"{n_bad:,} of {len(numbers):,} items" in pages
    assert "Correct items.url, or set campaign.shop_url" in pages
    assert "Correct items.image_url" in pictures


def test_a_send_without_links_or_pictures_says_so(tmp_path: Path) -> None:
    """Each that is missing throughout is named with the settings that give it, unless links stand in for it."""
    model = shop_model()
    made, bare = send(tmp_path, model, present=with_addresses(model, ""))
    assert ["items.url" in bare.warnings[0], "items.image_url" in bare.warnings[1]] == [True, True]
    assert all("No item of this send has a" in warning for warning in bare.warnings)
    assert len(bare.warnings) == 2
    assert export(made, links=Two()).warnings == []
    _, whole = send(tmp_path / "b", model, present=with_pages(model))
    assert whole.warnings == []
    _, some = send(tmp_path / "c", model, present=with_addresses(model, "", "https://shop.example/x"))
    assert some.warnings == [], "some have one"


def test_relative_addresses_begin_with_the_shop(tmp_path: Path) -> None:
    """With campaign.shop_url they are whole in every file; without it they are left empty."""
    model = shop_model()
    made, _ = send(tmp_path, model, present=with_addresses(model, "/tea"))
    alone = exported_in_full(made, model)
    assert not re.search(r"/tea", everything_written(made.folder))
    assert len([warning for warning in alone.warnings if "'/tea" in warning]) == 2
    at_home = exported_in_full(made, model, shop_url="https://shop.example")
    assert at_home.warnings == []
    rows = rows_of(made)
    assert {row["rec_1_url"] for row in rows} == {"https://shop.example/tea"}
    assert {row["rec_1_image"] for row in rows} == {"https://shop.example/tea?picture"}
    assert not re.search(r"[^e]/tea", everything_written(made.folder))


def test_braze_attributes_keep_the_limits(tmp_path: Path) -> None:
    """No value is longer than 255 characters; what was shortened is counted."""
    model = shop_model()
    made, manifest = send(tmp_path, model, layouts=("braze",), present=with_pages(model, long=300))
    with (made.folder / "braze_attributes-001.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["external_id"] for row in rows] == list(model.users.ids)
    assert max(len(cell) for row in rows for cell in row.values()) == braze.MAX_CHARACTERS
    assert any(note.endswith("× titles shortened to 255") for note in manifest.notes["braze"])
    assert {row["rec_count"] for row in rows} == {"4"}


def test_mailchimp_contacts_keep_the_limits(tmp_path: Path) -> None:
    """At most 25 fields of 255 bytes with short tags; who has no address is left out, and so are picks beyond."""
    model = shop_model()
    addresses = {user: f"{at}@x.example" for at, user in enumerate(model.users.ids[:7])}
    definition = definition_of(slots=6)
    made, manifest = send(
        tmp_path, model, definition, layouts=("mailchimp",), present=with_pages(model, long=300), addresses=addresses
    )
    text = (made.folder / "mailchimp_contacts-001.csv").read_text(encoding="utf-8")
    names, *rows = csv.reader(io.StringIO(text, newline=""))
    assert len(names) - 1 <= mailchimp.MAX_FIELDS
    assert all(len(name) <= mailchimp.MAX_TAG for name in names[1:])
    assert [row[0] for row in rows] == list(addresses.values())
    assert max(len(cell.encode()) for row in rows for cell in row) <= mailchimp.MAX_FIELD_BYTES
    notes = manifest.notes["mailchimp"]
    assert f"{manifest.written - 7:,} × users without an email left out" in notes
    assert "14 × picks beyond slot 4 left out" in notes
    few = {user: f"{at}@x.example" for at, user in enumerate(model.users.ids)}
    _, fitting = send(tmp_path / "b", model, layouts=("mailchimp",), present=with_pages(model), addresses=few)
    assert fitting.notes == {"mailchimp": []}, "nothing is said of nothing"
    with pytest.raises(InvalidInput, match=r"give campaign\.consent a file with a column email"):
        export(made, formats=(), layouts=("mailchimp",))


def test_an_apostrophe_counts_too(tmp_path: Path) -> None:
    """A title that a spreadsheet would compute is not longer than allowed with what keeps it from that."""
    model = shop_model()
    present = published(model)

    def item(index: int) -> Any:
        return dataclasses.replace(present.item(index), title="=" + "a" * 300)

    addresses = {model.users.ids[0]: "a@x.example"}
    shop = dataclasses.replace(present, item=item)
    made, _ = send(tmp_path, model, layouts=("braze", "mailchimp"), present=shop, addresses=addresses)
    for name, most in (("braze_attributes", braze.MAX_CHARACTERS), ("mailchimp_contacts", mailchimp.MAX_FIELD_BYTES)):
        with (made.folder / f"{name}-001.csv").open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert max(len(cell.encode() if name.startswith("mail") else cell) for cell in cells) == most
        assert any(cell.startswith("'=a") for cell in cells)


def test_long_files_become_several(tmp_path: Path) -> None:
    """No file is longer than allowed, no row is torn, and an abandoned file is not there."""
    files = SplitFiles(tmp_path, "x", "json", frame=Frame(b"[", b",", b"]"), max_bytes=20, max_rows=3)
    for number in range(10):
        files.add(str(10 ** (number % 5)).encode())
    entries = files.finish()
    found = [json.loads((tmp_path / name).read_bytes()) for name in entries]
    assert [number for part in found for number in part] == [10 ** (number % 5) for number in range(10)]
    assert all(entry.bytes <= 20 and entry.rows <= 3 for entry in entries.values())
    other = SplitFiles(tmp_path, "y", "json", frame=Frame(), max_bytes=20)
    other.add(b"1")
    other.abandon()
    assert not [path for path in tmp_path.iterdir() if "y" in path.name]


def test_shortening_never_tears_a_character() -> None:
    """Texts are cut between characters, addresses are whole or not there, and both are counted."""
    fit = Fitting("any")
    assert fit.text_bytes("é" * 200, size=255, what="titles") == "é" * 126 + "…"
    assert fit.text("é" * 300, characters=255, what="titles") == "é" * 254 + "…"
    assert fit.address("https://x.example/" + "a" * 300, size=255, what="pages") == ""
    assert fit.notes == ["2 × titles shortened to 255", "1 × pages longer than 255 left empty"]
