"""Campaigns from the command line: the commands of docs/campaigns.md, and what they leave behind."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from serving.campaigns.one_at_a_time import alone
from tests.pages import blocks, text_of
from tests.regulars.conftest import Shop

PAGE = "docs/campaigns.md"
COMMANDS = [
    line for block in blocks(text_of(PAGE), "console") for line in block.splitlines() if line.startswith("regulars ")
]


@pytest.fixture(scope="module")
def published(trained_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose version is served; every third customer has not been seen for two months."""
    folder = tmp_path_factory.mktemp("campaigns") / "shop"
    shutil.copytree(trained_shop.folder, folder)
    with (folder / "purchases.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    times = sorted(row[2] for row in rows)
    end = str(np.datetime64(times[-1], "D") - np.timedelta64(60, "D"))
    with (folder / "purchases.csv").open("w", encoding="utf-8", newline="") as file:
        kept = [row for row in rows if row[2] < end or not row[0] or int(row[0].rpartition("-")[2]) % 3]
        csv.writer(file).writerows([header, *kept])
    shop = Shop(folder)
    assert shop.run("train") == 0
    assert shop.run("publish", "--force") == 0
    return shop


def sent(shop: Shop, campaign: str) -> Path:
    """The folder of a campaign's only send."""
    (folder,) = (shop.folder / "data/campaigns" / campaign / "sends").iterdir()
    return folder


def users_of(path: Path, column: str = "user_id") -> list[str]:
    """The users of a CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def test_the_commands_of_the_page(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of the page runs, one after the other, and leaves what the page says."""
    assert len(COMMANDS) >= 10
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        assert published.run(" ".join(words[:2]), *words[2:]) == 0, line
    out = capsys.readouterr().out
    assert "not yet" in out, "nobody was watched long enough"
    for campaign in ("refill", "win-back"):
        folder = sent(published, campaign)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["users"] == manifest["written"] + sum(manifest["suppressed"].values())
        assert users_of(folder / "recipients.csv")
    assert (published.folder / "data/campaigns/win-back/preview.html").read_text(encoding="utf-8").startswith("<!")
    assert {path.name for path in sent(published, "win-back").iterdir()} == {
        "braze_attributes-001.csv",
        "klaviyo_profiles-001.json",
        "manifest.json",
        "recipients.csv",
        "recipients.parquet",
        "snapshot.sqlite",
        "suppressed.csv",
    }
    assert list((published.folder / "data/reports").glob("campaign-win-back-*.html"))


def test_every_name_on_the_page_is_one(published: Shop) -> None:
    """Fields, reasons, recipes and layouts of the page are those of the program, and none is missing."""
    from serving.campaigns import choosing, consent
    from serving.campaigns.definition import Recipe
    from serving.campaigns.expression import FIELDS
    from serving.campaigns.layouts import LAYOUTS

    reasons = {getattr(choosing, name) for name in ("ERASED", "OPEN_COMPLAINT", "BOUGHT_RECENTLY", "FREQUENCY_CAP")}
    reasons |= {choosing.OPTED_OUT, choosing.TOO_FEW_PICKS, choosing.CONTROL_GROUP}
    reasons |= {consent.NO_CONSENT, consent.UNSUBSCRIBED}
    rows = re.findall(r"^\| (`[^|]+) \|", text_of(PAGE), re.M)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert {*FIELDS, *reasons, *Recipe, *LAYOUTS} <= named
    assert {word for word in consent.MEANING if word} <= set(re.findall(r"`(\w+)`", text_of(PAGE))) | {
        "opted-in",
        "opted-out",
    }


def test_a_send_is_made_once(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The second export reads the record; a send of a campaign that was changed is refused."""
    assert published.run("campaign create", "once", "--audience", "frequency > 1") == 0
    assert published.run("campaign export", "once", "--send", "first") == 0
    folder = sent(published, "once")
    before = (folder / "recipients.csv").read_bytes()
    assert published.run("campaign export", "once", "--send", "first", "--set", "campaign.cap=0 in 1 days") == 0
    assert (folder / "recipients.csv").read_bytes() == before
    assert published.run("campaign create", "once", "--slots", "2") == 2
    assert "give --replace to change it" in capsys.readouterr().err
    assert published.run("campaign create", "once", "--slots", "2", "--replace") == 0
    assert published.run("campaign export", "once", "--send", "first") == 2
    assert "--send firstb" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("nobody", ("--audience", "frequency < 0"), "the audience is empty"),
        ("capped", ("--cap", "0 in 1 days"), "of the audience are left out"),
    ],
)
def test_a_send_to_nobody_says_so(
    published: Shop, capsys: pytest.CaptureFixture[str], name: str, options: tuple[str, ...], why: str
) -> None:
    """Its files have no row, and the first warning says why."""
    assert published.run("campaign create", name, *options) == 0
    capsys.readouterr()
    assert published.run("campaign export", name, "--json") == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["written"] == 0
    assert manifest["warnings"][0].startswith("Nobody gets this send: ")
    assert why in manifest["warnings"][0]


def test_create_says_who_is_left_out_to_compare_with(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The control group is counted before anything is sent, and without one it is said what that costs."""
    assert published.run("campaign create", "compared", "--control", "0.3") == 0
    said = capsys.readouterr().err
    found = re.search(r"compared is for (\d+) of (\d+) users. (\d+) of them are its control group \(30%", said)
    assert found is not None, said
    audience, users, control = map(int, found.groups())
    assert 0 < control < audience == users
    assert "they get no mail, so that the report can compare them with those who do." in said
    assert published.run("campaign export", "compared", "--format", "csv") == 0
    reasons = reasons_of(sent(published, "compared"))
    held_back = list(reasons.values()).count("control_group")
    assert control - list(reasons.values()).count("erased") <= held_back <= control
    capsys.readouterr()
    assert published.run("campaign create", "uncompared") == 0
    assert "Nobody is left out to compare with, so no report can tell what it did" in capsys.readouterr().err


def reasons_of(folder: Path) -> dict[str, str]:
    """Who was left out of a send, and why."""
    with (folder / "suppressed.csv").open(encoding="utf-8", newline="") as file:
        return {row["user_id"]: row["reason"] for row in csv.DictReader(file)}


def test_a_preview_says_why_somebody_would_get_nothing(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence that names them: held back, or not meant at all, on the terminal and instead of a page."""
    assert published.run("campaign create", "held", "--control", "0.9") == 0
    assert published.run("campaign create", "few", "--audience", "frequency > 1000") == 0
    assert published.run("campaign export", "held", "--format", "csv") == 0
    held = next(user for user, why in reasons_of(sent(published, "held")).items() if why == "control_group")
    mailed = users_of(sent(published, "held") / "recipients.csv")[0]
    capsys.readouterr()
    for options in ([], ["--page"]):
        assert published.run("campaign preview", "held", "--user", held, *options) == 0
        assert f"{held} would get nothing: in the control group, which gets no mail" in flat(capsys.readouterr().out)
    assert published.run("campaign preview", "few", "--user", held) == 0
    assert f"{held} would get nothing: not in the audience (frequency > 1000)." in flat(capsys.readouterr().out)
    assert not (published.folder / "data/campaigns/few/preview.html").exists()
    assert published.run("campaign preview", "held", "--user", mailed) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{mailed}: ")
    assert "would get nothing" not in said


def flat(text: str) -> str:
    """Text without its line ends."""
    return " ".join(text.split())


def test_a_preview_says_of_whom_it_speaks(
    published: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was left out is counted among all of the audience, or among the first, and then it is said why."""
    assert published.run("campaign create", "halved", "--control", "0.5") == 0
    assert published.run("campaign create", "nobodies", "--audience", "frequency > 1000") == 0
    capsys.readouterr()
    assert published.run("campaign preview", "halved", "--users", "100") == 0
    assert re.search(r"That is of all \d+ users of the audience\.", flat(capsys.readouterr().out))
    monkeypatch.setattr("serving.campaigns.sending.CHUNK", 7)
    assert published.run("campaign preview", "halved", "--users", "1") == 0
    assert re.search(
        r"That is of the first \d+ of \d+ users of the audience: a preview stops when it has enough mails to show, "
        r"and an export goes through all of them\.",
        flat(capsys.readouterr().out),
    )
    assert published.run("campaign preview", "nobodies") == 0
    assert capsys.readouterr().out.strip() == "Nobody is in the audience."


def test_wrong_names_are_refused_before_a_version_is_loaded(
    published: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown user, campaign or name that is taken is said even where the version could not be loaded at all."""
    shop = Shop(tmp_path / "shop")
    shutil.copytree(published.folder, shop.folder, ignore=shutil.ignore_patterns("campaigns"))
    assert shop.run("campaign create", "there") == 0
    for array in (shop.folder / "data/artifacts").glob("*/histories.item.npy"):
        array.write_bytes(array.read_bytes()[:-4])
    for command, said in (
        (["campaign preview", "there", "--user", "nobody"], "does not know the user 'nobody'"),
        (["campaign preview", "nope"], "there is no campaign 'nope'"),
        (["campaign export", "nope"], "there is no campaign 'nope'"),
        (["campaign report", "nope"], "there is no campaign 'nope'"),
        (["campaign create", "there"], "there is a campaign 'there' already"),
    ):
        capsys.readouterr()
        assert shop.run(*command) == 2, command
        assert said in capsys.readouterr().err
    assert shop.run("campaign preview", "there", "--user", "user-0001") != 0
    assert "histories.item.npy is truncated" in flat(capsys.readouterr().err)


def test_help_shows_several_formats_at_once(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Formats and tools may be joined with commas, and the help says so."""
    assert published.run("campaign export", "--help") == 0
    said = capsys.readouterr().out
    for words in ("csv,parquet", "klaviyo,braze", "--format csv,parquet --layout klaviyo,braze"):
        assert words in said
    assert published.run("campaign create", "--help") == 0
    assert "--no-repeat 0" in capsys.readouterr().out


def test_what_is_damaged_stops_nothing_else(
    published: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A record, a manifest and a definition that cannot be read are named, and everything else is there."""
    shop = Shop(tmp_path / "shop")
    shutil.copytree(published.folder, shop.folder, ignore=shutil.ignore_patterns("campaigns"))
    assert shop.run("campaign create", "whole") == 0
    assert shop.run("campaign create", "broken") == 0
    for send in ("one", "two", "three"):
        assert shop.run("campaign export", "whole", "--send", send, "--format", "csv") == 0
    sends = shop.folder / "data/campaigns/whole/sends"
    record = sends / "two" / "snapshot.sqlite"
    record.write_bytes(record.read_bytes()[:9000])
    (sends / "three" / "manifest.json").write_text("{}", encoding="utf-8")
    (shop.folder / "data/campaigns/broken/campaign.json").write_text('{"name": "broken"', encoding="utf-8")
    capsys.readouterr()
    assert shop.run("campaign list", "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert [made["send_id"] for made in listed["sends"]] == ["one"]
    for named in ("campaign broken", "whole/two", "whole/three"):
        assert f"{named} is passed over" in caplog.text
    assert shop.run("campaign report", "whole") == 0
    assert shop.run("campaign export", "whole", "--send", "four", "--format", "csv") == 0
    capsys.readouterr()
    assert shop.run("campaign export", "whole", "--send", "two", "--format", "csv") == 2
    assert "restore it from a backup" in " ".join(capsys.readouterr().err.split())


def test_exports_at_once_keep_the_cap_and_the_manifest(published: Shop, tmp_path: Path) -> None:
    """Of two campaigns exported together nobody gets two mails of one allowed, and a send has all files written."""
    shop = Shop(tmp_path / "shop")
    shutil.copytree(published.folder, shop.folder, ignore=shutil.ignore_patterns("campaigns"))
    for name in ("twin-a", "twin-b"):
        assert shop.run("campaign create", name, "--cap", "1 in 7 days") == 0
    together(shop, ["twin-a", "--format", "csv"], ["twin-b", "--format", "csv"])
    first, second = (set(users_of(sent(shop, name) / "recipients.csv")) for name in ("twin-a", "twin-b"))
    assert first | second
    assert not first & second
    assert shop.run("campaign create", "trio") == 0
    together(shop, *(["trio", "--format", each] for each in ("csv", "jsonl", "parquet")))
    manifest = json.loads((sent(shop, "trio") / "manifest.json").read_text(encoding="utf-8"))
    assert {f"recipients.{kind}" for kind in ("csv", "jsonl", "parquet")} < set(manifest["files"])


def together(shop: Shop, *exports: list[str]) -> None:
    """Run exports at the same time, each in a process of its own."""
    command = [sys.executable, "-m", "regulars", "campaign", "export", "--config", str(shop.config)]
    running = [
        subprocess.Popen([*command, *export], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for export in exports
    ]
    for process in running:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said


def test_who_is_erased_after_a_send_is_in_no_later_file(published: Shop) -> None:
    """A second export of a send leaves out who asked to be forgotten meanwhile, and their id is not in its record."""
    assert published.run("campaign create", "leaving", "--control", "0") == 0
    assert published.run("campaign export", "leaving") == 0
    folder = sent(published, "leaving")
    gone, *others = users_of(folder / "recipients.csv")
    erased = published.folder / "data/erased.txt"
    with erased.open("a", encoding="utf-8") as file:
        file.write(f"{gone}\n")
    assert published.run("campaign export", "leaving", "--format", "csv,jsonl,parquet") == 0
    assert users_of(folder / "recipients.csv") == others
    assert not [path.name for path in folder.iterdir() if gone.encode() in path.read_bytes()]


def test_an_export_waits_for_an_erasure(published: Shop) -> None:
    """Who is forgotten while an export waits is in none of its files; what a killed export left is gone, too."""
    assert published.run("campaign create", "waiting", "--control", "0") == 0
    assert published.run("campaign export", "waiting", "--send", "before") == 0
    gone = users_of(sent(published, "waiting") / "recipients.csv")[0]
    folder = published.folder / "data/campaigns/waiting/sends/first"
    folder.mkdir(parents=True)
    (folder / ".recipients.csv-left.part").write_text("somebody")
    export = Thread(target=published.run, args=("campaign export", "waiting", "--send", "first"))
    with alone(published.folder / "data/campaigns"):
        export.start()
        export.join(6)
        assert export.is_alive()
        with (published.folder / "data/erased.txt").open("a", encoding="utf-8") as file:
            file.write(f"{gone}\n")
    export.join(120)
    users = users_of(folder / "recipients.csv")
    assert (gone in users, len(users) > 1) == (False, True)
    assert not list(folder.glob(".*"))


def test_consent_is_asked_for(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """With a file of consent, who is not in it gets nothing; its path is relative to the configuration."""
    assert published.run("campaign create", "asked") == 0
    (published.folder / "consent.csv").write_text("user_id,status\n0001,subscribed\n", encoding="utf-8")
    capsys.readouterr()
    options = ("--set", "campaign.consent=consent.csv", "--json")
    assert published.run("campaign export", "asked", *options) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["consent"] == "checked"
    assert manifest["suppressed"]["no_consent"]
    assert set(manifest["suppressed"]) <= {"no_consent", "erased"}


def found_in(folder: Path) -> list[Path]:
    """Everything below the folder of campaigns but the lock of exports."""
    return sorted(path for path in folder.rglob("*") if path.name != ".lock")


NO_ADDRESSES = "user_id,status\n0001,yes\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layout", "mailchimp"], "a file with a column email"),
        (["--layout", "mailchimp", "--set", "campaign.consent=bare.csv"], "a file with a column email"),
        (["--set", "campaign.consent=missing.csv"], "missing.csv cannot be read"),
        (["--layout", "pigeon"], "there is no layout 'pigeon'"),
        (["--format", "xls"], "there is no format 'xls'"),
        (["--format", "html", "--set", "campaign.template=missing.html"], "campaign.template"),
        (["--set", "campaign.public_url=https://reco.example"], "campaign.shop_url is not set"),
        (["--send", "No!"], "cannot be the name of a send"),
    ],
)
def test_an_export_that_fails_leaves_nothing(
    published: Shop, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a file needs is asked for before a send is made: no send, no campaign of a segment, no folder."""
    (published.folder / "bare.csv").write_text(NO_ADDRESSES, encoding="utf-8")
    assert published.run("campaign create", "fails") == 0
    folder = published.folder / "data/campaigns"
    before = found_in(folder)
    for export in (["fails"], ["--segment", "all", "not-yet"]):
        assert published.run("campaign export", *export, *options) == 2
        assert said in " ".join(capsys.readouterr().err.split())
        assert found_in(folder) == before
    shutil.rmtree(folder / "fails")


def test_a_send_that_cannot_be_written_is_not_there(published: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error in the middle of the files the next export makes the send; one that was there stays."""
    from serving.campaigns.layouts import klaviyo

    assert published.run("campaign create", "heavy") == 0
    folder = published.folder / "data/campaigns"
    before = found_in(folder)
    with monkeypatch.context() as patch:
        patch.setattr(klaviyo, "MAX_PROFILE_BYTES", 10)
        for export in (["heavy"], ["--segment", "all", "heavier"]):
            assert published.run("campaign export", *export, "--layout", "klaviyo", "--send", "first") == 2
            assert found_in(folder) == before
    assert published.run("campaign export", "heavy", "--send", "first") == 0
    send = folder / "heavy/sends/first"
    record = (send / "snapshot.sqlite").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(klaviyo, "MAX_PROFILE_BYTES", 10)
        assert published.run("campaign export", "heavy", "--layout", "klaviyo", "--send", "first") == 2
    assert (send / "snapshot.sqlite").read_bytes() == record
    assert published.run("campaign export", "heavy", "--layout", "klaviyo", "--send", "first") == 0
    assert published.run("campaign export", "--segment", "all", "heavier", "--send", "first") == 0
    assert (folder / "heavier/campaign.json").exists()


def test_who_unsubscribed_after_a_send_is_in_no_later_file(published: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The second export asks for consent again, says whom it leaves out, and the manifest is right about it."""
    assert published.run("campaign create", "regret", "--control", "0.2") == 0
    consent = published.folder / "regret.csv"
    command = ("regret", "--send", "first", "--set", "campaign.consent=regret.csv")
    everybody = users_of(published.folder / "purchases.csv", "who")
    consent.write_text("".join(["user_id,status\n", *(f"{user},yes\n" for user in everybody)]), encoding="utf-8")
    assert published.run("campaign export", *command) == 0
    folder = sent(published, "regret")
    before, held_back = users_of(folder / "recipients.csv"), users_of(folder / "suppressed.csv")
    with consent.open("a", encoding="utf-8") as file:
        file.write(f"{before[0]},unsubscribed\n{held_back[0]},unsubscribed\n")
    capsys.readouterr()
    assert published.run("campaign export", *command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of them, since the send was made" in said
    assert "unsubscribed 1" in said
    assert users_of(folder / "recipients.csv") == before[1:]
    assert users_of(folder / "suppressed.csv") == [*held_back, before[0]]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["consent"], manifest["withheld"]) == ("checked", {"unsubscribed": 1})
    assert manifest["users"] == manifest["written"] + sum(manifest["suppressed"].values())
    assert manifest["written"] == len(before) - 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["campaign create", "x", "--audience", "segment = lapsd"], "column 11: 'lapsd' is no segment"),
        (["campaign create", "x", "--bought-in", "Nowhere"], "no item is of the category 'Nowhere'"),
        (["campaign create", "x", "--spent", "lots"], "--spent 'lots' is no range"),
        (["campaign create", "../x"], "'../x' cannot be the name of a campaign"),
        (["campaign create", "x", "--tier", "10%"], "'10%' is no coupon tier"),
        (["campaign export", "nope"], "there is no campaign 'nope'"),
        (["campaign preview", "nope"], "there is no campaign 'nope'"),
        (["campaign report", "nope"], "there is no campaign 'nope'"),
    ],
)
def test_what_is_wrong_is_said(
    published: Shop, command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name or condition is one message, and leaves nothing."""
    assert published.run(*command) == 2
    assert said in capsys.readouterr().err
    assert not (published.folder / "data/campaigns/x").is_dir()
