"""Claim: shelves cost a page ten kilobytes, one request and no layout shift, and little time beyond the answer itself.

A page with six shelves, on an origin of its own, is opened again and again in Chromium against ``regulars serve`` with
the demo's shop (a made-up one in a short run): each time by a user drawn at random, in a browser that has never been
there, and again with the script in its cache. The peer is the same page with twenty lines of hand-written script that
fetch the same answer by the same request and write titles into a list: what any page would pay. The two take turns.

Layout shift is the browser's own measure (`layout-shift` entries, summed), with room reserved as docs/widget.md says
and without. Time to shelf counts from the start of navigation to `regulars:loaded` of the last shelf.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import json
import random
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from benchmarks.results import Goal, Row, Skipped, at_most, figure
from benchmarks.server import free_port, serving
from benchmarks.serving.shop import Served, trained
from recommender.artifact import load_artifact
from serving import web
from serving.stores.embedded import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

SEED = 7
ROUNDS = 25
QUICK_ROUNDS = 5
LIMIT = 8
PATIENCE_MILLISECONDS = 20_000

RESERVED = "regulars-shelf:not(:defined) { display: block; min-height: 22rem }"
SHELVES = ("reorder", "home", "product", "bought-together", "trending", "bestsellers")

OBSERVER = """
window.shift = 0;
window.times = [];
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value })
  .observe({ type: "layout-shift", buffered: true });
document.addEventListener("regulars:loaded", () => window.times.push(performance.now()));
"""
PLAIN = """
const requests = {requests};
const answer = await fetch("{origin}/v1/slates", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify({{ requests, distinct: true }}),
}});
for (const slate of (await answer.json()).slates) {{
  const list = document.createElement("ul");
  for (const item of slate.items) {{
    const line = document.createElement("li");
    line.textContent = item.title;
    list.append(line);
  }}
  document.getElementById("shelves").append(list);
  window.times.push(performance.now());
}}
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one opening of a page came to."""

    milliseconds: float
    """From the start of navigation to the last shelf."""
    shift: float
    requests: tuple[str, ...]
    """Addresses asked for, less pictures."""


@dataclass(frozen=True, slots=True)
class Visits:
    """All openings of one kind of page."""

    first: list[Visit] = field(default_factory=list)
    """With an empty cache."""
    again: list[Visit] = field(default_factory=list)


def measure(*, quick: bool) -> list[Row]:
    """Weigh the script, then open pages."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None or importlib.util.find_spec("playwright") is None:
        raise Skipped("no Chromium on the PATH, or no playwright (apt install chromium; make setup)")
    from playwright.sync_api import sync_playwright

    with trained(quick=quick) as served, _answering(served) as origin, _site() as site, sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        pages = _pages(served, origin, site, rounds=QUICK_ROUNDS if quick else ROUNDS)
        visits = {name: Visits() for name in ("ours", "unreserved", "plain")}
        for page in pages:
            for name, address in page.items():
                first, again = _visit(browser, address)
                visits[name].first.append(first)
                visits[name].again.append(again)
        browser.close()
    return [*_weight(), *_rows(visits, origin)]


def _weight() -> list[Row]:
    return [
        figure("the script, as gzip writes it", len(web.zipped(web.WIDGET).content), "B", goal=at_most(10_000)),
        figure("the script, unpacked", len(web.asset(web.WIDGET).content), "B"),
    ]


def _rows(visits: dict[str, Visits], origin: str) -> list[Row]:
    ours, plain = visits["ours"], visits["plain"]
    reports = f"{origin}/v1/events"
    asked = [
        sum(path.startswith(f"{origin}/v1/") and path != reports for path in visit.requests)
        for visit in (*ours.first, *ours.again)
    ]
    scripts = [visit.requests.count(f"{origin}/widget.js") for visit in ours.first]
    peer = "a hand-written fetch of the same answer"
    return [
        figure(f"requests for {len(SHELVES)} shelves", max(asked), "", goal=at_most(1)),
        figure("requests for the script, empty cache", max(scripts), "", goal=at_most(1)),
        figure("layout shift, room reserved, worst", max(_shifts(ours)), "", goal=at_most(0.01)),
        figure("layout shift, nothing reserved, worst", max(_shifts(visits["unreserved"])), ""),
        *_times("first visit", ours.first, plain.first, peer, at_most(1000)),
        *_times("script in the cache", ours.again, plain.again, peer, at_most(500)),
    ]


def _times(name: str, ours: list[Visit], plain: list[Visit], peer: str, goal: Goal) -> list[Row]:
    times = [visit.milliseconds for visit in ours]
    median = statistics.median(times)
    beside = statistics.median(visit.milliseconds for visit in plain)
    return [
        figure(f"time to all shelves, {name}, median", median, "ms", goal=goal),
        figure(f"time to all shelves, {name}, p95", statistics.quantiles(times, n=20)[-1], "ms"),
        figure(f"time to the bare answers, {name}, median", beside, "ms"),
        figure(f"shelves / bare answers, {name}, medians", median / beside, "×", peer=peer),
    ]


def _shifts(visits: Visits) -> list[float]:
    return [visit.shift for visit in (*visits.first, *visits.again)]


def _visit(browser: Browser, address: str) -> tuple[Visit, Visit]:
    """Open a page in a browser that knows nothing, then once more."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(OBSERVER)
    try:
        return _opened(context.new_page(), address), _opened(context.new_page(), address)
    finally:
        context.close()


def _opened(page: Page, address: str) -> Visit:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(_address(request)))
    page.goto(address)
    page.wait_for_function(f"() => window.times.length === {len(SHELVES)}", timeout=PATIENCE_MILLISECONDS)
    page.wait_for_load_state("networkidle")
    milliseconds, shift = page.evaluate("[Math.max(...window.times), window.shift]")
    page.close()
    return Visit(milliseconds, shift, tuple(path for path in requests if not path.endswith("picture.svg")))


def _address(request: Request) -> str:
    return request.url.partition("?")[0]


def _pages(served: Served, origin: str, site: str, *, rounds: int) -> Iterator[dict[str, str]]:
    """Yield the addresses of the pages of users drawn at random, each with an item they own."""
    model = load_artifact(served.artifact).model
    draw = random.Random(SEED)
    for _ in range(rounds):
        user, item = draw.choice(model.users.ids), draw.choice(model.items.ids)
        script = f'<script type="module" src="{origin}/widget.js"></script>'
        shelves = "".join(_shelf(name, user, item) for name in SHELVES)
        plain = PLAIN.format(origin=origin, requests=json.dumps([_question(name, user, item) for name in SHELVES]))
        yield {
            "ours": _page(site, f"<style>{RESERVED}</style>{script}{shelves}"),
            "plain": _page(site, f'<div id="shelves"></div><script type="module">{plain}</script>'),
            "unreserved": _page(site, script + shelves),
        }


def _shelf(placement: str, user: str, item: str) -> str:
    names = {"placement": placement, "user": user, "item": item, "limit": str(LIMIT), "timeout": "20000"}
    attributes = " ".join(f'{name}="{html.escape(value)}"' for name, value in names.items())
    return f"<regulars-shelf {attributes}></regulars-shelf>"


def _question(shelf: str, user: str, item: str) -> dict[str, object]:
    """Return what a shelf asks."""
    placement = "cart" if shelf == "bought-together" else shelf
    seeds = {"product": {"viewed": [item]}, "bought-together": {"cart": [item]}}.get(shelf, {})
    return {"placement": placement, "seeds": seeds, "user_id": user, "limit": LIMIT}


class _Site(BaseHTTPRequestHandler):
    """A shop's site: a page holds what its address says."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(unquote(self.path.partition("?")[2]).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _page(site: str, body: str) -> str:
    content = f"<!doctype html><title>A shop</title><h1>A shop</h1>{body}<p>What stands below the shelves.</p>"
    return f"{site}/?{quote(content)}"


@contextlib.contextmanager
def _answering(served: Served) -> Iterator[str]:
    """Publish into a store of its own and serve; yield the origin."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as url:
        served.publish(url)
        settings = (f"serving.port={port}", "serving.clock=data", f"redis.url={url}")
        with serving(served.shop.command("serve", settings=settings), port=port, ready="/readyz"):
            yield f"http://127.0.0.1:{port}"
