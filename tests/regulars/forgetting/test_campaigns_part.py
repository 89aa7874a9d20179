"""What becomes of the files below the folder of campaigns when people are taken out."""

from __future__ import annotations

from pathlib import Path

from regulars.forgetting.campaigns_part import exported, forget_in_campaigns


def test_previews_go(tmp_path: Path) -> None:
    """The page of a mail may show whoever is forgotten: it is deleted, and the receipt says so."""
    page = tmp_path / "win-back" / "preview.html"
    page.parent.mkdir()
    page.write_text("<p>Dear 17</p>", encoding="utf-8")
    erased, pending = forget_in_campaigns(tmp_path, ["17"])
    assert not page.exists()
    assert ([(place.what, place.where) for place in erased], pending) == ([("preview of a mail", str(page))], [])
    assert forget_in_campaigns(tmp_path, ["17"]) == ([], [])


def test_an_id_with_an_apostrophe_is_another_one(tmp_path: Path) -> None:
    """Who is called '5 stays where 5 goes; who begins like a formula is found behind the apostrophe they got."""
    path = tmp_path / "win-back" / "sends" / "spring" / "suppressed.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"user_id,reason\r\n5,control\r\n'5,control\r\n'=5,control\r\n")
    path.with_name("recipients.csv").write_bytes(b"user_id,rec_1_id\r\n5,a\r\n'5,a\r\n'=5,a\r\n")
    erased, _ = forget_in_campaigns(tmp_path, ["5", "=5"])
    assert sum(place.rows or 0 for place in erased) == 2
    assert path.read_bytes() == b"user_id,reason\r\n'5,control\r\n"
    assert [place.rows for place in exported(tmp_path, ["5", "=5"], [])] == [2]
