"""Is the page of a version still what would be written?

As `make` does it: a page that is newer than all it is made from is not made again.
"""

from __future__ import annotations

from pathlib import Path


def current_page(version: str, folder: Path) -> Path | None:
    """Return the page of `version` in `folder` if it is newer than its record and than this package, or None."""
    page = folder / f"{version}.html"
    sources = [folder / f"{version}.json", *(path for path in Path(__file__).parent.iterdir() if path.is_file())]
    try:
        written = page.stat().st_mtime_ns
        return page if all(source.stat().st_mtime_ns <= written for source in sources) else None
    except FileNotFoundError:
        return None
