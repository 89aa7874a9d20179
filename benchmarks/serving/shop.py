"""The shop that is served: the demo's in a full run, a made-up one in a short run, which trains in seconds."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.demo_shop import DemoShop
from benchmarks.faults.shop import Shop


@dataclass(frozen=True, slots=True)
class Served:
    """A trained version in a data folder."""

    shop: DemoShop | Shop
    version: str

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.shop.folder

    @property
    def artifact(self) -> Path:
        """Folder of the version."""
        return self.shop.folder / "artifacts" / self.version

    def publish(self, url: str) -> None:
        """Publish the version into the store at `url`."""
        self.shop.run("publish", self.version, "--force", settings=(f"redis.url={url}",))


@contextlib.contextmanager
def trained(*, quick: bool) -> Iterator[Served]:
    """Train, or reuse what is trained.

    Raises
    ------
    Skipped
        If the demo's purchase log is not installed and the run is a full one.
    """
    if quick:
        with tempfile.TemporaryDirectory() as folder:
            made_up = Shop.build(Path(folder))
            yield Served(made_up, made_up.versions[0])
        return
    demo = DemoShop.open(quick=False)
    yield Served(demo, demo.train()["version"])
