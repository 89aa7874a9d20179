"""Where the lines go that the server writes about itself: to standard error, one format, for every library alike.

::

    2026-11-22T05:26:10.123Z WARNING serving.stores.presence: Redis at unix:///data/valkey.sock is away: …
    {"time":"2026-11-22T05:26:10.123Z","level":"WARNING","logger":"serving.stores.presence","message":"…"}

A line about a request carries the request's id. No line names a person, or what one looked at: our own messages do not
say it, and of an exception only its type and its place in the program are written, since its words may quote what a
request held. Control characters are escaped, so nobody who sends some can forge a line.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from recommender.errors import ConfigError, InvalidArtifact, MissingExtra
from serving import request_ids
from serving.log_settings import LogSettings

LOGGER = "serving"
"""Every module of this package logs below it."""

FIELDS = "fields"
"""Name of the attribute by which a line brings fields of its own: ``extra={FIELDS: {"version": …}}``."""

_HARMLESS = (ConfigError, InvalidArtifact, MissingExtra)
"""Errors whose words are for the operator: they speak of files, settings and packages."""
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def to_standard_error(settings: LogSettings | None = None) -> None:
    """Write what this process logs to standard error; asking again changes the format and the level only."""
    settings = settings or LogSettings()
    logging.getLogger(LOGGER).setLevel(settings.level.upper())
    root = logging.getLogger()
    handler = next((handler for handler in root.handlers if isinstance(handler, _StandardError)), None)
    if handler is None:
        handler = _StandardError()
        root.addHandler(handler)
    handler.setFormatter(formatter(settings.format))


def for_granian(settings: LogSettings) -> dict[str, Any]:
    """Return the configuration of the HTTP server's own logger, which hands nothing on to ours."""
    return {
        "formatters": {"ours": {"()": "serving.logs.formatter", "kind": settings.format}},
        "handlers": {"ours": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "loggers": {"_granian": {"handlers": ["ours"], "propagate": False}},
    }


def formatter(kind: str) -> logging.Formatter:
    """Return what makes a line of a record."""
    return _Json() if kind == "json" else _Text()


class _StandardError(logging.StreamHandler[TextIO]):
    """A type of its own, to be recognised by."""


class _Text(logging.Formatter):
    """A line to read."""

    def format(self, record: logging.LogRecord) -> str:
        message = _message(record)
        told = [f"{name}={value}" for name, value in _fields(record).items() if str(value) not in message]
        request_id = request_ids.current.get()
        about = f" [{request_id}]" if request_id else ""
        line = f"{_time(record)} {record.levelname} {record.name}{about}: {message}"
        exception = _exception(record)
        return " ".join([line, *told]) + (f"\n{exception}" if exception else "")


class _Json(logging.Formatter):
    """A line for programs."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            "request_id": request_ids.current.get() or None,
            "exception": _exception(record) or None,
            **_fields(record),
        }
        return orjson.dumps({name: value for name, value in line.items() if value is not None}, default=str).decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """Return the message; a library that puts a whole traceback into it loses all but the first line."""
    message = record.getMessage()
    return _plain(message.partition("\nTraceback")[0])


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode().translate(_CONTROLS)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = getattr(record, FIELDS, None) or {}
    return {name: _plain(value) if isinstance(value, str) else value for name, value in fields.items()}


def _exception(record: logging.LogRecord) -> str:
    """Return types and places of an exception and of those behind it, the first cause first."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts.insert(0, "".join([*traceback.format_tb(error.__traceback__), _name(error)]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nthen\n".join(parts)


def _name(error: BaseException) -> str:
    """Return an exception's type, and its words if they are about the machine and not about a request."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    words = error.strerror if isinstance(error, OSError) else str(error) if isinstance(error, _HARMLESS) else None
    return f"{kind}: {_plain(words)}" if words else kind
