"""What the OpenAPI document promises, the app keeps: every operation, asked what fits the document and what does not.

Requests are drawn by schemathesis from the document itself. Whatever is asked, no answer is a 5xx, and each has a
status, a content type, headers and a body that the document names. REGULARS_NIGHTLY=1 draws 300 of each kind per
operation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import anyio.from_thread
import httpx
import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from serving.app import create_app
from serving.settings import AppSettings, RedisSettings, ServingSettings
from serving.stores.redis import RedisStores
from tests.nightly import looking
from tests.serving.conftest import Shelves, published, served

BASE = "http://shop.example"
LONGEST_URL = 65_000
"""Longer ones granian answers itself, with 414."""
DOCUMENT = schemathesis.openapi.from_dict(
    create_app(AppSettings(redis=RedisSettings(url="redis://localhost"))).openapi()
)
DOCUMENT.config.update(base_url=BASE)
OPERATIONS = {found.ok().label: found.ok() for found in DOCUMENT.get_all_operations() if isinstance(found, Ok)}
ASKED = [
    *((label, GenerationMode.POSITIVE) for label in OPERATIONS),
    # Any text is an id, so only what takes a query or a body can be asked what does not fit.
    *((label, GenerationMode.NEGATIVE) for label, operation in OPERATIONS.items() if operation.query or operation.body),
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

Ask = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, valkey_url: str, registry: Shelves) -> Iterator[Ask]:
    """A published shop in an event loop of its own; call it with a request."""
    settings = AppSettings(
        data_dir=tmp_path_factory.mktemp("conformance"),
        serving=ServingSettings(clock="data", poll_seconds=0.2),
        redis=RedisSettings(url=valkey_url, timeout_ms=10_000),
    )

    @contextlib.asynccontextmanager
    async def running() -> Any:
        stores = RedisStores.connect(valkey_url, settings)
        await stores.connection.command("FLUSHALL")
        await published(registry.shop, stores)
        async with served(create_app(settings, store=stores, registry_root=registry.root)) as shop:
            yield shop.client
        await stores.close()

    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(running()) as client,
    ):
        yield lambda request: portal.call(client.send, request)


def on_the_wire(case: Case[Any]) -> requests.PreparedRequest:
    """Return the request that the case describes, with the bytes that `requests` would send."""
    options = case.as_transport_kwargs(base_url=BASE)
    return requests.Request(**{name: value for name, value in options.items() if name != "allow_redirects"}).prepare()


def as_sent(prepared: requests.PreparedRequest) -> httpx.Request:
    """Return it for the client that speaks to an app in process."""
    headers = [(name.encode("latin-1"), _bytes(value)) for name, value in prepared.headers.items()]
    return httpx.Request(
        prepared.method or "", prepared.url or "", headers=headers, content=_bytes(prepared.body or b"")
    )


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("label", "mode"), ASKED, ids=[f"{label} {mode.value}" for label, mode in ASKED])
def test_answers_are_as_documented(ask: Ask, label: str, mode: GenerationMode) -> None:
    """Nothing an operation is asked makes a server error, or an answer that the document does not know."""
    operation = OPERATIONS[label]

    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    @looking(ci=8, nightly=300, phases=[hypothesis.Phase.generate])
    def holds(case: Case[Any]) -> None:
        prepared = on_the_wire(case)
        hypothesis.assume(len(prepared.url or "") < LONGEST_URL)
        case.validate_response(ask(as_sent(prepared)), checks=CHECKS)

    holds()
