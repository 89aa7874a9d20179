"""The example of docs/campaigns.md on a year of a grocer: its commands, run in order on a shop that is made up."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.pages import blocks, text_of
from tests.regulars.conftest import CONFIG, Shop, write_log

PAGE = text_of("docs/campaigns.md")
(EXAMPLE,) = (block for block in blocks(PAGE, "sh") if "campaign report" in block)
COMMANDS = [shlex.split(line)[1:] for line in EXAMPLE.splitlines()]
SHOWN_END = np.datetime64("2018-01-01")
"""Of the demo's log; the dates of the example are as far from the end of this shop's."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with enough customers for a control group of those to whom something runs out.

    As in the demo's configuration, the test begins a month before the end of the log. Every third customer stays away
    from then on, and every tenth has been away for two months: where all come back, there is nobody to win back and
    nothing to compare.
    """
    shop = Shop(tmp_path_factory.mktemp("grocer"))
    path = shop.folder / "purchases.csv"
    write_log(path, n_users=1000, n_items=40, days=220)
    cut = moved("2017-12-01", end_of(orders_of(shop)))
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if (cells := line.split(","))[2] < last_day(cells[0], cut)]
    path.write_text("\n".join([header, *kept, ""]), encoding="utf-8")
    shop.config.write_text(CONFIG.replace("[evaluation]", f"[evaluation]\ncut = {cut}"), encoding="utf-8")
    return shop


def last_day(user_id: str, cut: str) -> str:
    """The day from which on a customer stays away."""
    number = int(user_id.rpartition("-")[2] or 1)
    if number % 10 == 0:
        return str(np.datetime64(cut) - np.timedelta64(60, "D"))
    return cut if number % 3 == 0 else "9"


def orders_of(shop: Shop) -> dict[str, list[np.datetime64]]:
    """When each customer ordered."""
    found: dict[str, list[np.datetime64]] = {}
    with (shop.folder / "purchases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["who"]:
                found.setdefault(row["who"], []).append(np.datetime64(row["time"]))
    return found


def end_of(orders: dict[str, list[np.datetime64]]) -> np.datetime64:
    """The day of the last order."""
    return np.datetime64(str(max(max(times) for times in orders.values()))[:10])


def moved(shown: str, end: np.datetime64) -> str:
    """A day of the example in a log that ends on `end`."""
    return str(end + (np.datetime64(shown) - SHOWN_END))


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def flat(text: str) -> str:
    """Text without its line ends."""
    return " ".join(text.split())


def test_the_example_of_the_page(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Every step does what the page says of it, with the dates of this shop in place of the grocer's."""
    orders = orders_of(shop)
    end = end_of(orders)
    latest = moved("2017-11-30", end)
    said = []
    for words in COMMANDS:
        n_words = 2 if words[0] == "campaign" else 1
        args = [re.sub(r"\d{4}-\d\d-\d\d", lambda shown: moved(shown[0], end), word) for word in words[n_words:]]
        assert shop.run(" ".join(words[:n_words]), *args) == 0, words
        captured = capsys.readouterr()
        said.append(captured.err if words[:2] == ["campaign", "create"] else captured.out)
    assert [words[0] if words[0] != "campaign" else words[1] for words in COMMANDS] == [
        *("train", "publish", "create", "create", "export", "export", "report", "report")
    ]
    _, _, refill, win_back, _, _, refill_report, win_back_report = said
    sends = {name: check_send(shop, name, latest) for name in ("refill", "win-back")}
    check_created(refill, sends["refill"])
    check_created(win_back, sends["win-back"])
    check_refill(shop, orders, latest)
    assert {path.name for path in (folder_of(shop, "win-back")).iterdir()} >= {
        "klaviyo_profiles-001.json",
        "braze_attributes-001.csv",
    }
    check_report(refill_report, "refill", sends["refill"], latest, str(end))
    check_win_back_report(win_back_report, sends["win-back"])


def folder_of(shop: Shop, name: str) -> Path:
    """The folder of a campaign's only send."""
    (folder,) = (shop.folder / "data/campaigns" / name / "sends").iterdir()
    return folder


def check_send(shop: Shop, name: str, latest: str) -> dict[str, int]:
    """A send of the last day that was trained on; everybody of the audience is in one of its files. Return counts."""
    folder = folder_of(shop, name)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["as_of"][:10] <= latest
    assert {"recipients.csv", "recipients.jsonl", "suppressed.csv"} <= set(manifest["files"])
    mailed, left_out = rows_of(folder / "recipients.csv"), rows_of(folder / "suppressed.csv")
    assert len(mailed) == manifest["written"]
    assert len(mailed) + len(left_out) == manifest["users"]
    control = sum(row["reason"] == "control_group" for row in left_out)
    return {"users": manifest["users"], "mailed": len(mailed), "control": control}


def check_created(said: str, send: dict[str, int]) -> None:
    """`create` said how many customers it is for, and how many of them are its control group."""
    found = re.search(r"is for ([\d,]+) of [\d,]+ users. ([\d,]+) of them are its control group \(30%", said)
    assert found is not None, said
    audience, control = (int(number.replace(",", "")) for number in found.groups())
    assert audience == send["users"]
    assert control >= send["control"]


def check_refill(shop: Shop, orders: dict[str, list[np.datetime64]], latest: str) -> None:
    """Those in the file have not ordered in the last three days, and are offered what they bought before."""
    folder = folder_of(shop, "refill")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {"bought_recently", "control_group"} <= set(manifest["suppressed"])
    now = np.datetime64(manifest["as_of"].removesuffix("Z"))
    known = {user: max(time for time in times if time < now) for user, times in orders.items() if min(times) < now}
    for row in rows_of(folder / "recipients.csv"):
        assert now - known[row["user_id"]] >= np.timedelta64(3, "D")
        assert row["rec_1_reason"].startswith(("You will need it again around", "Time to buy it again"))
    assert str(now)[:10] <= latest


def check_report(said: str, name: str, send: dict[str, int], latest: str, end: str) -> None:
    """The report compares the two groups by every measure that the page shows, and finds nothing, as it must."""
    text = flat(said)
    assert re.match(rf"{name}, {latest} to {end}, UTC ", text), text[:80]
    sizes = (
        rf"Users: control {send['control']:,} \(expected [\d,]+\), mailed {send['mailed']:,} \(expected [\d,]+\); p = "
    )
    assert re.search(sizes, text), text
    assert "mailed minus control" in text
    shown = re.findall(r"^ ([a-z][a-z ,]+?)  +[-+]", PAGE.split("mailed minus control")[1], re.M)
    assert len(shown) == 5
    for measure in shown:
        rows = [line for line in said.splitlines() if line.strip().startswith(measure)]
        assert rows, measure
        assert any(line.rstrip().endswith("undecided") for line in rows), f"{measure}: {rows}"


def check_win_back_report(said: str, send: dict[str, int]) -> None:
    """With too few people there is no verdict, and the report says how many are needed."""
    assert 0 < send["control"] < 100
    text = flat(said)
    assert "not yet" in text
    assert re.search(r"\d+ users?[^;]*; \d+ are needed", text), text
    assert not re.search(r"\b(better|worse|undecided)\b", text)
