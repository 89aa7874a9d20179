"""Where the server listens."""

import socket

import pytest

from recommender.errors import ConfigError
from regulars.http_server import base_url, with_free_port
from serving.settings import AppSettings, ServingSettings


def settings(host: str = "127.0.0.1", port: int = 0) -> AppSettings:
    """Settings that listen there."""
    return AppSettings(serving=ServingSettings(host=host, port=port))


def test_any_free_port() -> None:
    """Port 0 becomes a port that can be listened on."""
    port = with_free_port(settings()).serving.port
    assert port > 0
    socket.create_server(("127.0.0.1", port)).close()


def test_taken_port_is_refused() -> None:
    """A port somebody listens on is named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"cannot listen on 127.0.0.1, port {port}.*--set serving.port"):
            with_free_port(settings(port=port))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_address_can_be_opened(host: str, url: str) -> None:
    """The address printed is one that this machine can open."""
    assert base_url(settings(host, 80)) == url
