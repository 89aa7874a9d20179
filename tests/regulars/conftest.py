"""A small shop with a configuration, a log and a trained version, as a user of the command line has them."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from regulars.cli import main
from tests import planted

CONFIG = """\
[shop]
name = "Corner Store"
currency = "EUR"
[purchases]
paths = ["purchases.csv"]
[purchases.columns]
user = "who"
order = "receipt"
quantity = "quantity"
amount = "amount"
[als]
factors = 8
iterations = 3
[evaluation]
bootstrap = 50
[serving]
clock = "data"
port = 0
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A folder with everything in it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "regulars.toml"

    def run(self, command: str, *args: str) -> int:
        """Run a command line with this shop's configuration, and return its exit code."""
        return main([*command.split(), "--config", str(self.config), *args])


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have settings of their own."""
    for name in [name for name in os.environ if name.startswith("REGULARS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="session")
def trained_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose log was trained on; nobody may publish in it or change it."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.config.write_text(CONFIG, encoding="utf-8")
    write_log(shop.folder / "purchases.csv")
    assert shop.run("train") == 0
    return shop


def write_log(path: Path, *, n_users: int = 60, n_items: int = 40, days: int = 200) -> None:
    """Write the planted shop's purchases as CSV."""
    log = planted.shop(n_users=n_users, n_items=n_items, days=days).log
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["who", "item_id", "time", "receipt", "quantity", "amount"])
        for user, item, time, order, quantity, amount in zip(
            log.user, log.item, log.time, log.order, log.quantity, log.amount, strict=True
        ):
            who = "" if user < 0 else log.users.ids[user]
            rows.writerow([who, log.items.ids[item], time, order, quantity, amount])
