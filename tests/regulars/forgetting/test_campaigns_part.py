"""What becomes of the files below the folder of campaigns when people are taken out."""

from __future__ import annotations

from pathlib import Path

from regulars.forgetting.campaigns_part import forget_in_campaigns


def test_previews_go(tmp_path: Path) -> None:
    """The page of a mail may show whoever is forgotten: it is deleted, and the receipt says so."""
    page = tmp_path / "win-back" / "preview.html"
    page.parent.mkdir()
    page.write_text("<p>Dear 17</p>", encoding="utf-8")
    erased, pending = forget_in_campaigns(tmp_path, ["17"])
    assert not page.exists()
    assert ([(place.what, place.where) for place in erased], pending) == ([("preview of a mail", str(page))], [])
    assert forget_in_campaigns(tmp_path, ["17"]) == ([], [])
