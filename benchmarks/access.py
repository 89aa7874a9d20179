"""Claim: asking for a key costs a request less than three microseconds, and a user token less than one more.

`Access.refusal` is asked about the same request again and again, as the hot path asks it: a key that is known, one that
is not, and known ones whose key, or whose client's address, has a rate. A user's token is asked about again and again
too, and as if it were new, and a forged one beside three signing secrets. The peer is one hit on the memory storage of
the package `limits`, whose strategy we use over a storage of our own. Time of this thread on
its core, best of many short rounds each, in turn: so another program's work counts little.
"""

from __future__ import annotations

import tempfile
import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from benchmarks.results import Row, at_most, figure
from serving.access.access import Access
from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.presented import presented
from serving.access.scopes import Scope, needs
from serving.access.settings import AccessSettings
from serving.access.signing_secrets import SigningSecrets

ROUNDS, CALLS = 60, 5_000
QUICK_ROUNDS, QUICK_CALLS = 20, 2_000
RATE = "1000000000/minute"
ORIGIN = b"https://shop.example"
PATH = "/v1/users/17/recommendations"


def measure(*, quick: bool) -> list[Row]:
    """Time each question, in turn."""
    rounds, calls = (QUICK_ROUNDS, QUICK_CALLS) if quick else (ROUNDS, CALLS)
    with tempfile.TemporaryDirectory() as folder:
        questions = _questions(Path(folder))
    best = dict.fromkeys(questions, float("inf"))
    for _ in range(rounds):
        for name, ask in questions.items():
            best[name] = min(best[name], timeit.timeit(ask, timer=time.thread_time, number=calls) / calls * 1e6)
    goals = {"a known key, from its origin": at_most(3), "a user token seen before": at_most(1)}
    return [figure(name, microseconds, "µs", goal=goals.get(name)) for name, microseconds in best.items()]


def _questions(folder: Path) -> dict[str, Callable[[], Any]]:
    now = datetime.now(UTC)
    page = mint("page", Kind.PUBLISHABLE, now=now, origins=(ORIGIN.decode(),))
    rated = mint("rated", Kind.PUBLISHABLE, now=now, rate=RATE)
    Keyring(folder).change(lambda keys: (*keys, page.kept, rated.kept))
    secrets = [SigningSecrets(folder).make("shop", now=now).text or "" for _ in range(3)]
    claims = {"sub": "17", "exp": int(time.time()) + 3600}
    token, forged = (jwt.encode(claims, secret, "HS256").encode() for secret in (secrets[-1], "x" * 46))
    plain, by_address = Access(AccessSettings(), folder), Access(AccessSettings(rate_per_address=RATE), folder)
    for access in (plain, by_address):
        access.refresh()
    headers = [(b"host", b"x"), (b"user-agent", b"y"), (b"accept", b"*/*"), (b"origin", ORIGIN)]
    sent = dict([*headers, (b"x-api-key", page.text.encode())])
    library, rate = FixedWindowRateLimiter(MemoryStorage()), parse(RATE)
    return {
        "a known key, from its origin": lambda: _ask(plain, page.text.encode()),
        "an unknown key": lambda: _ask(plain, b"pk_x"),
        "a known key with a rate": lambda: _ask(plain, rated.text.encode()),
        "a known key, and a rate by address": lambda: _ask(by_address, page.text.encode()),
        "finding the key in a request": lambda: presented(sent, b"limit=8"),
        "finding what an address needs": lambda: needs("GET", PATH),
        "a user token seen before": lambda: plain.doubt(page.text.encode(), token, "17"),
        "a user token seen for the first time": lambda: _anew(plain, page.text.encode(), token),
        "a forged user token": lambda: plain.doubt(page.text.encode(), forged, "17"),
        "a secret key, which needs no token": lambda: plain.doubt(b"sk_x", None, "17"),
        "one hit on the library's own storage": lambda: library.hit(rate, "192.0.2.1"),
    }


def _anew(access: Access, key: bytes, token: bytes) -> Any:
    access.tokens.forget()
    return access.doubt(key, token, "17")


def _ask(access: Access, key: bytes) -> Any:
    return access.refusal(key, origin=ORIGIN, address="192.0.2.1", needs=Scope.SLATES)
