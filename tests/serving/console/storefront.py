"""Event files as a storefront leaves them, written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2018, 3, 1, tzinfo=UTC)
SECONDS = int(START.timestamp())


def event(kind: str, *, at: float = 0, user: str | None = "u1", item: str = "tea", **fields: Any) -> dict[str, Any]:
    """One event, `at` hours after the start."""
    time = (START + timedelta(hours=at)).isoformat(timespec="seconds").replace("+00:00", "Z")
    about = {"event": kind, "time": time, "user_id": user, "item_id": item, "received_at": time}
    return {name: value for name, value in {**about, **fields}.items() if value is not None}


def lines(events: Iterable[Any]) -> bytes:
    """Events as lines of a file."""
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in events)


def write(folder: Path, events: Sequence[Any], *, day: str = "2018-03-01") -> Path:
    """Write the file of a day."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events-{day}.jsonl"
    path.write_bytes(lines(events))
    return path


def a_day() -> list[dict[str, Any]]:
    """A shelf of two items seen by one user and one guest; one click, one cart, two orders, one return."""
    shelf: dict[str, Any] = {"slate_id": "s1", "placement": "home"}
    guest: dict[str, Any] = {"user": None, "anonymous_id": "b1"}
    return [
        event("impression", at=0, **shelf, rank=1),
        event("impression", at=0, item="milk", **shelf, rank=2),
        event("impression", at=0, slate_id="s2", placement="cart", rank=1, **guest),
        event("click", at=1, **shelf, rank=1),
        event("add_to_cart", at=1.1, **shelf, rank=1),
        event("purchase", at=2, order_id="o1", quantity=2, price=3.0),
        event("purchase", at=2, item="milk", order_id="o1", price=1.5),
        event("purchase", at=3, order_id="o2", quantity=1, price=3.0, **guest),
        event("purchase", at=4, item="jam", order_id="o3", price=5.0),
        event("return", at=5, order_id="o1", quantity=1),
    ]
