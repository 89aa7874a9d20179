"""The demo, on a small shop of our own instead of the real year."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from regulars.config import load
from regulars.demo import with_demo_shop
from regulars.http_server import with_free_port
from regulars.server_process import TERMINATED, Server
from serving.settings import AppSettings, ServingSettings
from serving.stores.embedded import answers, socket_path
from tests.regulars.conftest import Shop


@pytest.mark.slow
def test_demo_from_end_to_end(
    trained_shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures, households with reasons, a slate over HTTP and the addresses; then nothing is left running."""
    monkeypatch.setenv("COLUMNS", "80")
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))
    assert shop.run("demo", "--exit") == 0
    captured = capsys.readouterr()
    for words in ("All items", "popularity", "bought lately", "offered", "why", "seconds", "peak MiB", "demo shop"):
        assert words in captured.out
    assert '"slate_id":' in captured.out
    assert "campaign: at_risk" in captured.err
    assert max(map(len, captured.out.splitlines()[:40])) <= 80
    visitors = json.loads((shop.folder / "data/households.json").read_text(encoding="utf-8"))
    assert 1 <= len(visitors) <= 3
    assert all(visitor["note"].startswith("Bought lately: ") for visitor in visitors)
    assert not multiprocessing.active_children()

    assert shop.run("demo", "--exit") == 0
    again = capsys.readouterr()
    assert "nothing has changed since it was trained" in again.out
    assert "is served already" in again.err
    assert json.loads((shop.folder / "data/households.json").read_text(encoding="utf-8")) == visitors

    assert shop.run("keys create", "page", "--publishable") == 0
    assert shop.run("demo", "--exit") == 0
    assert "API keys were made here" in capsys.readouterr().out


@pytest.mark.slow
def test_the_demo_goes_on_with_the_version_that_is_served(
    trained_shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that the gate refuses is said to be, and the one before is shown; without one, it ends there."""
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))
    refusing = ["--set", "gate.min_lift_popularity=1000", "--set", "gate.min_users=0"]
    assert shop.run("demo", "--exit", *refusing) == 3
    assert shop.run("publish") == 0
    served = (shop.folder / "data/artifacts/CURRENT").read_text(encoding="utf-8").strip()
    capsys.readouterr()
    assert shop.run("demo", "--exit", "--set", "als.seed=8", *refusing) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "may not be published: nDCG@10 on all items against popularity" in out
    assert f"version {served}, because the gate refused" in out
    assert f'"model_version": "{served}"' in out
    assert (shop.folder / "data/artifacts/CURRENT").read_text(encoding="utf-8").strip() == served


@pytest.mark.parametrize(("setting", "opened"), [("off", "local"), ("local", "local"), ("open", "open")])
def test_the_demo_has_a_shop(setting: Literal["off", "local", "open"], opened: str) -> None:
    """Whatever the settings are for, the demo opens a shop, to this machine unless they open it to others."""
    settings = AppSettings(serving=ServingSettings(demo_shop=setting))
    assert with_demo_shop(settings).serving.demo_shop == opened


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_server_leaves_nothing_behind(trained_shop: Shop, tmp_path: Path, stop: signal.Signals, code: int) -> None:
    """However `regulars serve` ends, no worker answers any more and no embedded Valkey runs on."""
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))
    assert shop.run("publish") == 0
    settings = with_free_port(load(shop.config).app)
    port = str(settings.serving.port)
    command = [sys.executable, "-m", "regulars", "serve", "--config", str(shop.config), "--port", port]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    server = Server(settings, is_alive=lambda: process.poll() is None)
    server.wait_until_ready()
    assert server.get("/readyz")[0] == 200
    os.kill(process.pid, stop)
    assert process.wait(30) == code
    socket = socket_path((shop.folder / "data/valkey").resolve())
    _wait_until(lambda: not answers(socket))
    _wait_until(lambda: not _answers(server))


@pytest.mark.slow
def test_a_demo_that_is_told_to_stop_does_so_in_order(trained_shop: Shop, tmp_path: Path) -> None:
    """The server moves its last events into files before the store goes, and nobody complains."""
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))
    settings = with_free_port(load(shop.config).app)
    port = str(settings.serving.port)
    command = [sys.executable, "-u", "-m", "regulars", "demo", "--config", str(shop.config), "--port", port]
    command += ["--set", "serving.drain_seconds=3600"]
    with (tmp_path / "errors").open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        assert any("Stop with Ctrl-C" in line for line in process.stdout)
        event = {"event": "click", "event_id": "last", "user_id": "u1", "item_id": "i1"}
        _post(f"http://127.0.0.1:{port}/v1/events", {"events": [event]})
        process.terminate()
        assert process.wait(60) == TERMINATED
        process.stdout.close()
        errors.seek(0)
        said = errors.read()
    assert not any(word in said for word in ("away", "next start", "Traceback", "died")), said
    written = [path.read_text(encoding="utf-8") for path in (shop.folder / "data/events").glob("events-*.jsonl")]
    assert '"last"' in "".join(written)


def _post(url: str, body: object) -> None:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert answer.status == 202


@pytest.mark.slow
def test_the_address_is_said_once_it_can_be_opened(trained_shop: Shop, tmp_path: Path) -> None:
    """Whoever reads "Serving" gets an answer at once, however long the start took."""
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))
    assert shop.run("publish") == 0
    command = [sys.executable, "-u", "-m", "regulars", "serve", "--config", str(shop.config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stderr is not None
        said = next(line for line in process.stderr if line.startswith("Serving"))
        found = re.search(r"http://\S+[^.\s]", said)
        assert found is not None
        with urllib.request.urlopen(f"{found[0]}/healthz", timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_no_address_is_printed_before_there_is_a_store(
    trained_shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A data folder that cannot be written to is named, and nothing claims to be served."""
    (tmp_path / "file").touch()
    assert trained_shop.run("serve", "--set", f"data.dir={tmp_path / 'file' / 'data'}") == 1
    captured = capsys.readouterr()
    assert "Serving" not in captured.out
    assert str(tmp_path / "file") in captured.err


def _answers(server: Server) -> bool:
    try:
        server.get("/healthz")
    except OSError:
        return False
    return True


def _wait_until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
