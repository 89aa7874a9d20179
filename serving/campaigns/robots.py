"""Whether a link was followed by a person, as far as that can be known.

Mail gateways, link previews and browsers that fetch ahead open links that nobody clicked. Those that say so are
believed: a method other than GET, a header that speaks of prefetching, a fetch that is no navigation, the name of a
program. Many gateways pose as a browser; what gives them away is that they open all links at once, so of each recipient
only the first few clicks within some seconds count. What passes all this and is no person cannot be told apart here.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

AT_ONCE = 2
"""Clicks of one recipient that count within `SECONDS`."""
SECONDS = 10.0
MAX_REMEMBERED = 10_000

_AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_FETCHED_AHEAD = re.compile(r"prefetch|prerender|preview|instant", re.IGNORECASE)
_PROGRAMS = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|scan|preview|prefetch|monitor|validator|archiver|headless|phantomjs"
    r"|facebookexternalhit|whatsapp/|skypeuripreview|bingpreview|google-read-aloud|googleimageproxy|yahoomailproxy"
    r"|proofpoint|mimecast|barracuda|safelinks|urldefense|symantec|trendmicro|fortinet|sophos|ironport|cisco|zscaler"
    r"|curl|wget|python|aiohttp|httpx|okhttp|java/|apache-httpclient|go-http-client|node-fetch|axios|libwww|perl|ruby|php"
    r"|microsoft office|ms-office|msoffice|outlook-express",
    re.IGNORECASE,
)


def is_person(method: str, headers: Mapping[str, str]) -> bool:
    """Say whether a request looks like a person who follows a link; names of `headers` are in lower case.

    >>> is_person("GET", {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"})
    True
    >>> is_person("HEAD", {"user-agent": "Mozilla/5.0"}), is_person("GET", {"user-agent": "Slackbot-LinkExpanding 1.0"})
    (False, False)
    """
    if method != "GET" or any(_FETCHED_AHEAD.search(headers.get(name, "")) for name in _AHEAD):
        return False
    if headers.get("sec-fetch-mode", "navigate") != "navigate":
        return False
    program = headers.get("user-agent", "").strip()
    return bool(program) and _PROGRAMS.search(program) is None


class Pace:
    """Counts the clicks of recipients in one process, for a few seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._clicks: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()
        """When the first of some clicks was, and how many there were since; in the order of the first."""

    def allows(self, recipient: Hashable) -> bool:
        """Note a click; say whether it is one of the first few within some seconds."""
        now = self._monotonic()
        since, count = self._clicks.get(recipient, (now, 0))
        if now - since >= SECONDS:
            since, count = now, 0
        if not count:
            self._clicks.pop(recipient, None)
        self._clicks[recipient] = (since, count + 1)
        if len(self._clicks) > MAX_REMEMBERED:
            self._clicks.popitem(last=False)
        return count < AT_ONCE
