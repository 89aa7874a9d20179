"""A made-up storefront: event files and a purchase log of a shop whose shelves work as well as they are told to.

People differ in how often they visit and buy. On each visit they see shelves; a personal shelf is clicked more often
and brings orders forward by known factors, so what an analysis should find is known. Run it to make the example of
docs/experiments.md::

    python -m tests.made_up_storefront DIR --users 6000 --days 70
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from recommender.experiments.allocation import Allocation, Experiment

START = datetime(2026, 3, 1, tzinfo=UTC)
HOLDOUT = Experiment("holdout", (("control", 0.3), ("usual", 0.7)))
PLACES = 6
CONFIG = """\
[shop]
name = "Made-up store"
currency = "EUR"
[data]
dir = "data"
[purchases]
paths = ["purchases.csv"]
[purchases.columns]
user = "user_id"
order = "order_id"
quantity = "quantity"
amount = "amount"
[experiments.holdout]
since = 2026-03-01
control = 0.3
variants = { usual = 0.7 }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storefront:
    """How large, how long, and how well personal shelves work."""

    users: int = 2_000
    days: int = 60
    clicking: float = 1.3
    """Clicks on personal shelves per click on others."""
    ordering: float = 1.2
    """The same of orders."""
    seed: int = 7

    def write(self, folder: Path) -> None:
        """Write configuration, event files by day, and the purchase log of the server's own orders."""
        (folder / "data" / "events").mkdir(parents=True, exist_ok=True)
        (folder / "regulars.toml").write_text(CONFIG, encoding="utf-8")
        rows = sorted(self._everybody(), key=lambda row: row["time"])
        for day, events in itertools.groupby(rows, key=lambda row: row["time"][:10]):
            lines = [orjson.dumps(event) for event in events if event["event"] != "logged"]
            (folder / "data" / "events" / f"events-{day}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        with (folder / "purchases.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["user_id", "item_id", "time", "order_id", "quantity", "amount"])
            for row in rows:
                if row["event"] in {"purchase", "logged"}:
                    amount = row["price"] * row["quantity"]
                    names = ("user_id", "item_id", "time", "order_id", "quantity")
                    table.writerow([*(row[name] for name in names), f"{amount:.2f}"])

    def _everybody(self) -> Iterator[dict[str, Any]]:
        rng, allocation = np.random.default_rng(self.seed), Allocation([HOLDOUT])
        for number in range(self.users):
            group = allocation.of(str(number))
            assert group is not None
            yield from self._user(rng, str(number), is_personal=group.variant != "control")

    def _user(self, rng: np.random.Generator, user: str, *, is_personal: bool) -> Iterator[dict[str, Any]]:
        keenness = rng.gamma(2.0, 0.5)
        spent, click = rng.lognormal(2.5, 0.5), 0.05 * (self.clicking if is_personal else 1)
        buy = 0.12 * (self.ordering if is_personal else 1)
        for visit in range(rng.poisson(keenness * self.days / 6)):
            moment = START + timedelta(seconds=float(rng.uniform(0, self.days * 86_400)))
            slate, clicked = f"{user}-{visit}", []
            for rank in range(1, PLACES + 1):
                item = str(rng.integers(200))
                shown = {"user_id": user, "item_id": item, "slate_id": slate, "placement": "home", "rank": rank}
                yield _event("impression", moment, f"{slate}-i{rank}", **shown)
                if rng.random() < click / rank**0.5:
                    clicked.append(item)
                    yield _event("click", moment + timedelta(seconds=20), f"{slate}-c{rank}", **shown)
            if rng.random() < buy:
                bought = clicked or [str(rng.integers(200))]
                for item in bought:
                    yield self._purchase(moment + timedelta(minutes=9), user, item, order=slate, price=spent)
        for past in range(rng.poisson(2 * keenness)):
            moment = START - timedelta(days=float(rng.uniform(1, 80)))
            item = str(rng.integers(200))
            row = self._purchase(moment, user, item, order=f"{user}-past-{past}", price=spent)
            yield {**row, "event": "logged"}

    @staticmethod
    def _purchase(moment: datetime, user: str, item: str, *, order: str, price: float) -> dict[str, Any]:
        said = {"user_id": user, "item_id": item, "order_id": order, "price": round(price, 2), "quantity": 1}
        return _event("purchase", moment, f"{order}-p-{item}", **said)


def _event(kind: str, moment: datetime, event_id: str, **said: Any) -> dict[str, Any]:
    time = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"event": kind, "event_id": event_id, "time": time, "received_at": time, **said}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=6_000)
    parser.add_argument("--days", type=int, default=70)
    given = parser.parse_args()
    Storefront(users=given.users, days=given.days).write(given.folder)
