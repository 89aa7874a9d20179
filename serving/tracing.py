"""Traces for an OpenTelemetry collector: the one file that imports opentelemetry.

Traced are requests that go through the framework, slates that are computed, calls to Redis within them, and
publishing. Page views are answered in less time than a span costs, and are not: what they need computed is. Spans
name routes, never addresses, ids or the words of an exception. A collector that is away costs a line in the log.

The usual variables of OpenTelemetry say the rest, such as ``OTEL_EXPORTER_OTLP_HEADERS`` for a token.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.errors import MissingExtra
from serving import spans
from serving.metrics import method_label
from serving.otel_settings import OtelSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

SERVICE = "regulars"
TRACES_PATH = "/v1/traces"
"""Where a collector takes them, unless the address has a path of its own."""
EXPORT_SECONDS = 2.0
"""For a collector to answer: whoever stops a server should not wait for it."""

_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_CONTEXT_HEADERS = (b"traceparent", b"tracestate")


def require(settings: OtelSettings) -> None:
    """Refuse early if a collector is named and the package is not installed.

    Raises
    ------
    MissingExtra
        If opentelemetry is not installed.
    """
    if settings.endpoint and not _is_installed():
        raise MissingExtra("sending traces (endpoint in [otel])", extra="otel")


@contextlib.contextmanager
def running(
    settings: OtelSettings, *, sample: float | None = None, exporter: SpanExporter | None = None
) -> Iterator[Tracing | None]:
    """Trace until the block ends, then send what is left; None, and nothing, without a collector.

    `exporter` stands for the collector if it is given.

    Raises
    ------
    MissingExtra
        If opentelemetry is not installed.
    """
    if not settings.endpoint:
        yield None
        return
    require(settings)
    provider = _provider(settings, settings.sample if sample is None else sample, exporter)
    tracing = Tracing(provider.get_tracer(SERVICE))
    try:
        with spans.heard_by(tracing.begin):
            yield tracing
    finally:
        provider.shutdown()


class Tracing:
    """Begins spans."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, name: str, within: bool) -> AbstractContextManager[object]:  # noqa: FBT001  see `spans.Begin`
        """Begin a piece of work; see `spans.span`."""
        from opentelemetry import trace

        if within and not trace.get_current_span().is_recording():
            return contextlib.nullcontext()
        return self._span(name)

    @contextlib.contextmanager
    def request(self, scope: Scope) -> Iterator[Any]:
        """Trace a request, as a part of its caller's trace if it says which."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CONTEXT_HEADERS}
        context = TraceContextTextMapPropagator().extract(sent)
        with self._span(method_label(scope["method"]), context=context, kind=SpanKind.SERVER) as span:
            yield span

    @contextlib.contextmanager
    def _span(self, name: str, **options: Any) -> Iterator[Any]:
        """Note of an exception its type alone: its words may quote a request."""
        from opentelemetry.trace import Status, StatusCode

        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False, **options
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise


class Traced:
    """A middleware around the framework's others."""

    def __init__(self, app: ASGIApp, *, of: Tracings) -> None:
        self._app = app
        self._of = of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        tracing = self._of.tracing
        if scope["type"] != "http" or tracing is None:
            await self._app(scope, receive, send)
            return
        with tracing.request(scope) as span:
            status = 500

            async def send_and_note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, send_and_note)
            finally:
                _describe(span, scope, status)


class Tracings:
    """Holds the tracing of an app from its start to its end: middleware is added before that."""

    tracing: Tracing | None = None


def _describe(span: Any, scope: Scope, status: int) -> None:
    """Name a span of a request by its route, with attributes of OpenTelemetry's conventions."""
    from opentelemetry.trace import Status, StatusCode

    method, route = method_label(scope["method"]), getattr(scope.get("route"), "path", "none")
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _provider(settings: OtelSettings, sample: float, exporter: SpanExporter | None) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    path = urlsplit(settings.endpoint).path.rstrip("/")
    endpoint = settings.endpoint if path else settings.endpoint.rstrip("/") + TRACES_PATH
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(sample)),
        resource=Resource.create({"service.name": SERVICE, "service.version": _version()}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS))
    )
    return provider


def _is_installed() -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)
    except ModuleNotFoundError:
        return False


def _version() -> str:
    try:
        return version(SERVICE)
    except PackageNotFoundError:
        return "unknown"
