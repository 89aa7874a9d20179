"""The small shop that faults are tried on: a made-up log with tastes and staples, trained into real artifacts.

Everything lies in one folder of its own; the program's own commands publish and serve from it.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from benchmarks import load
from benchmarks.demo_shop import CONFIG, ROOT, environment
from recommender.artifact import save_artifact
from recommender.catalogue import Catalogue, Item
from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import Interactions
from recommender.manifest import Provenance
from recommender.model import Model
from training.backends import make_backend
from training.fitting import fit
from training.progress import SilentProgress
from training.settings import AlsSettings, NeighbourSettings, PeerSettings, TrainingSettings

AISLES = 20
DAYS = 180
BASKETS, BASKET_ITEMS = 8, 4
"""Per user, and items in each."""
END = np.datetime64("2025-01-01", "s")
SETTINGS = TrainingSettings(
    als=AlsSettings(backend="implicit", factors=16, iterations=3, regularization=1.0),
    neighbours=NeighbourSettings(k=20),
    peers=PeerSettings(k=20),
)
COMMAND_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Size:
    """How large a shop is."""

    users: int = 2_000
    items: int = 1_000


FULL = Size()
SMALL = Size(users=300, items=150)
"""Trained in about a second."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A data folder with artifacts, and how the program is called on it."""

    folder: Path
    size: Size
    versions: tuple[str, ...]

    @classmethod
    def build(cls, folder: Path, size: Size | None = None, *, versions: int = 1) -> Shop:
        """Train `versions` versions, each on another log of the same users and items."""
        size = size or Size()
        names = [
            save_artifact(trained(size, seed=seed), PROVENANCE, folder / "artifacts").version
            for seed in range(versions)
        ]
        shop = cls(folder, size, tuple(names))
        shop.mark(names[0])
        return shop

    @property
    def artifacts(self) -> Path:
        """Folder of the versions."""
        return self.folder / "artifacts"

    @property
    def events(self) -> Path:
        """Folder of the event files."""
        return self.folder / "events"

    def mark(self, version: str) -> None:
        """Name `version` as the current one for whoever asks no store."""
        (self.artifacts / "CURRENT").write_text(f"{version}\n", encoding="utf-8")

    def command(self, name: str, *arguments: str, settings: tuple[str, ...] = ()) -> list[str]:
        """Return the words of ``regulars NAME`` on this shop."""
        pairs = [f"data.dir={self.folder}", "serving.clock=data", *settings]
        options = [word for pair in pairs for word in ("--set", pair)]
        return [sys.executable, "-m", "regulars", name, *arguments, "--config", str(CONFIG), *options]

    def run(self, name: str, *arguments: str, settings: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run ``regulars NAME`` to its end, whatever that is."""
        return subprocess.run(
            self.command(name, *arguments, settings=settings),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(),
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def publish(self, version: str, url: str) -> None:
        """Publish `version` into the store at `url`.

        Raises
        ------
        RuntimeError
            If the command fails.
        """
        done = self.run("publish", version, "--force", settings=(f"redis.url={url}",))
        if done.returncode != 0:
            raise RuntimeError(f"regulars publish {version} ended with {done.returncode}:\n{done.stderr[-2000:]}")

    def user_requests(self, count: int = 512) -> tuple[bytes, ...]:
        """Return requests for the slates of different users, spread over all of them."""
        users = np.linspace(0, self.size.users - 1, num=min(count, self.size.users), dtype=int)
        return tuple(load.get(user_path(int(user))) for user in users)


PROVENANCE = Provenance(data_fingerprint="made up", rows={"interactions": 1})


def user_id(number: int) -> str:
    """Return the id of a user, with characters that have a meaning elsewhere."""
    return f"u:{number:05d}/空"


def user_path(number: int) -> str:
    """Return the path of a user's slate."""
    return f"/v1/users/{quote(user_id(number), safe='')}/recommendations"


def item_id(number: int) -> str:
    """Return the id of an item."""
    return f"item {number:05d}"


def trained(size: Size, *, seed: int) -> Model:
    """Train a model on a log of its own."""
    log = made_up_log(size, np.random.default_rng(seed))
    backend = make_backend(SETTINGS.als)
    return fit(log, _catalogue(size), SETTINGS, backend, now=END, progress=SilentProgress())


def made_up_log(size: Size, rng: np.random.Generator) -> Interactions:
    """Return a log in which two of three purchases are of the buyer's own aisle, some of them again and again."""
    n_orders = size.users * BASKETS
    user = np.repeat(np.arange(size.users), BASKETS * BASKET_ITEMS)
    order = np.repeat(np.arange(n_orders), BASKET_ITEMS)
    anything = rng.integers(0, size.items, len(user))
    own = (rng.integers(0, size.items // AISLES, len(user)) ** 2 // (size.items // AISLES)) * AISLES + user % AISLES
    item = np.where(rng.random(len(user)) < 2 / 3, own, anything)
    time = END - rng.integers(3600, DAYS * 86_400, n_orders).astype("timedelta64[s]")
    columns: dict[str, npt.NDArray[Any]] = {
        "user": user.astype(np.int32),
        "item": item.astype(np.int32),
        "event": np.full(len(user), int(Event.PURCHASE), dtype=np.int8),
        "quantity": np.ones(len(user), dtype=np.float32),
        "amount": np.full(len(user), 2.5),
        "order": order.astype(np.int32),
        "time": time[order],
    }
    users = IdMap(tuple(user_id(number) for number in range(size.users)))
    return Interactions.from_columns(users, IdMap(tuple(item_id(number) for number in range(size.items))), **columns)


def _catalogue(size: Size) -> Catalogue:
    return Catalogue.from_items(
        [
            Item(item_id=item_id(n), title=f"Thing {n}", category=f"aisle {n % AISLES}", price=1.0 + n % 7)
            for n in range(size.items)
        ]
    )
