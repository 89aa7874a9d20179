"""The server-side includes of docs/fragments.md, as they stand, in a real nginx."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from recommender.artifact import save_artifact
from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.app import create_app
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.pages import blocks, text_of
from tests.planted import user_id
from tests.serving.web.fake_api import serve

PAGE = f'<h1>A shop</h1><!--# include virtual="/_shelf/home?user={user_id(3)}&lang=zh" --><p>the end'
AROUND = """daemon off; pid {folder}/pid; events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; {locations} }}
}}
"""


class Shop(BaseHTTPRequestHandler):
    """A shop's page with an include in it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Silent(Shop):
    """An API that hangs."""

    def do_GET(self) -> None:
        time.sleep(1.5)


@contextlib.contextmanager
def server(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with a handler."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def nginx(folder: Path, api: str, key: str) -> Iterator[str]:
    """Run nginx with the page's configuration in front of the shop."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("no nginx on the PATH")
    (locations,) = blocks(text_of("docs/fragments.md"), "nginx")
    port, config = free_port(), folder / "nginx.conf"
    with server(Shop) as shop:
        locations = locations.replace("http://your-shop", shop).replace("http://127.0.0.1:8000", api)
        config.write_text(AROUND.format(folder=folder, port=port, locations=locations.replace("sk_…", key)))
        process = subprocess.Popen([program, "-c", config, "-p", folder, "-e", folder / "error.log"])
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def test_nginx_puts_a_shelf_into_a_page(tmp_path: Path) -> None:
    """The user's own shelf, whatever headers the visitor sends; and no visitor asks for one directly."""
    settings = AppSettings(data_dir=tmp_path / "data", serving=ServingSettings(clock="data"))
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    minted = mint("shop", Kind.SECRET, now=datetime.now(UTC))
    Keyring(settings.data_dir).change(lambda _: (minted.kept,))
    with serve(create_app(settings, store=MemoryStores())) as api, nginx(tmp_path, api, minted.text) as site:
        visitors = {"Authorization": "Bearer mine", "X-API-Key": "pk_x", "X-User-Token": "x", "Accept-Encoding": "gzip"}
        page = httpx.get(site, headers=visitors).text
        assert page.startswith('<h1>A shop</h1><section class="regulars-shelf"')
        assert page.endswith(("</section>\n<p>the end", "</section><p>the end"))
        assert page.count("data-item") == 8
        assert "为你推荐" in page
        assert httpx.get(f"{site}/_shelf/home?user={user_id(4)}").status_code == 404


@pytest.mark.parametrize("handler", [None, Silent], ids=["away", "slow"])
def test_nginx_leaves_a_gap(tmp_path: Path, handler: type[BaseHTTPRequestHandler] | None) -> None:
    """Where the API is away or slow, the page is whole without the shelf, and soon there."""
    with contextlib.ExitStack() as stack:
        api = "http://127.0.0.1:9" if handler is None else stack.enter_context(server(handler))
        site = stack.enter_context(nginx(tmp_path, api, "sk_x"))
        started = time.monotonic()
        assert httpx.get(site).text == "<h1>A shop</h1><p>the end"
        assert time.monotonic() - started < 1.4
