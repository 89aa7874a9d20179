"""What a collector is told: requests by route, computed slates, publishing; who asked, and about what, it is not."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from recommender.errors import MissingExtra
from serving import spans, tracing
from serving.app import create_app
from serving.otel_settings import OtelSettings
from serving.service import Service
from tests.serving.conftest import published, served

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(importlib.util.find_spec("opentelemetry") is None, reason="the extra otel is not installed"),
]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GUEST = {"guest": True, "seeds": {"cart": ["secret-item"]}}


class Collector(ThreadingHTTPServer):
    """Takes traces as a real collector does, over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[bytes] = []
        self.paths: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[Any]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        requests = [ExportTraceServiceRequest.FromString(body) for body in self.received]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        self.server.paths.append(self.path)
        self.server.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
async def shop_settings(settings: Any, stores: Any, registry: Any) -> Any:
    await published(registry.shop, stores)
    return settings


def app_of(settings: Any, stores: Any, registry: Any, otel: OtelSettings) -> Any:
    return create_app(settings.model_copy(update={"otel": otel}), store=stores, registry_root=registry.root)


async def test_a_collector_hears_of_requests_and_slates(
    collector: Collector, shop_settings: Any, stores: Any, registry: Any
) -> None:
    """Over real HTTP: a request by its route within its caller's trace, and the slate that was computed within it."""
    app = app_of(shop_settings, stores, registry, OtelSettings(endpoint=collector.address, sample=0))
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-API-Key": "secret-key"}
    async with served(app) as running:
        await running.client.get("/v1/users/mallory/recommendations?placement=cart", headers=headers)
        assert (await running.client.post("/v1/recommendations", json=GUEST, headers=headers)).status_code == 200
        await running.client.get("/nothing/mallory", headers=headers)
        await running.client.get("/v1/trending")
    assert set(collector.paths) == {"/v1/traces"}
    found = {span.name: span for span in collector.spans()}
    assert {"POST /v1/recommendations", "compute slate", "GET none"} <= found.keys()
    request, slate = found["POST /v1/recommendations"], found["compute slate"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert slate.parent_span_id == request.span_id
    told = b"".join(collector.received)
    for secret in (b"mallory", b"secret-item", b"secret-key"):
        assert secret not in told
    assert b"/v1/trending" not in told


async def test_a_mistake_is_told_without_its_words(
    collector: Collector, shop_settings: Any, stores: Any, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The span of a request that failed has the status 500 and the exception's type; not what it says."""

    async def mistake(*_: Any, **__: Any) -> Any:
        raise KeyError("mallory")

    monkeypatch.setattr(Service, "reply", mistake)
    async with served(
        app_of(shop_settings, stores, registry, OtelSettings(endpoint=collector.address, sample=1))
    ) as it:
        assert (await it.client.post("/v1/recommendations", json=GUEST)).status_code == 500
    (span,) = [span for span in collector.spans() if span.name == "POST /v1/recommendations"]
    attributes = {attribute.key: attribute.value for attribute in span.attributes}
    assert attributes["error.type"].string_value == "KeyError"
    assert attributes["http.response.status_code"].int_value == 500
    assert span.status.code == 2
    assert b"mallory" not in b"".join(collector.received)


async def test_a_share_is_traced(collector: Collector, shop_settings: Any, stores: Any, registry: Any) -> None:
    """`otel.sample` says how many of the requests without a caller's trace."""
    async with served(
        app_of(shop_settings, stores, registry, OtelSettings(endpoint=collector.address, sample=0.2))
    ) as it:
        for _ in range(200):
            await it.client.get("/healthz")
    assert 10 <= len([span for span in collector.spans() if span.name == "GET /healthz"]) <= 90


async def test_a_collector_that_is_away_disturbs_nobody(shop_settings: Any, stores: Any, registry: Any) -> None:
    """Requests are answered as ever, and the end is not kept waiting for long."""
    app = app_of(shop_settings, stores, registry, OtelSettings(endpoint="http://127.0.0.1:9", sample=1))
    async with served(app) as running:
        assert (await running.client.get("/healthz")).status_code == 200
        started = time.monotonic()
    assert time.monotonic() - started < 15


def test_publishing_is_traced_whole(collector: Collector) -> None:
    """Spans within others belong to them, and a part of no work of interest is not traced."""
    with tracing.running(OtelSettings(endpoint=f"{collector.address}/v1/traces", sample=0), sample=1.0):
        with spans.span("redis", within=True):
            pass
        with spans.span("publish"), spans.span("redis", within=True):
            pass
    found = {span.name: span for span in collector.spans()}
    assert len(collector.spans()) == 2
    assert found["redis"].parent_span_id == found["publish"].span_id


def test_without_a_collector_nobody_listens() -> None:
    """A span is then one and the same empty context, in which nothing is prepared."""
    with tracing.running(OtelSettings()) as nothing:
        assert nothing is None
        assert spans.span("compute slate") is spans.span("redis", within=True)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a collector without having the library is told which extra brings it, before anything starts."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="otel"):
        tracing.require(OtelSettings(endpoint="http://collector:4318"))
    tracing.require(OtelSettings())


@pytest.mark.parametrize("wrong", ["collector:4318", "grpc://collector"])
def test_wrong_addresses_are_refused(wrong: str) -> None:
    """An address that HTTP cannot use is said to be wrong."""
    with pytest.raises(ValidationError, match="http://collector:4318"):
        OtelSettings(endpoint=wrong)
