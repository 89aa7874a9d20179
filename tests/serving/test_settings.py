"""Addresses are understood or refused, and never shown with their password."""

import pytest
from pydantic import ValidationError

from serving.settings import AppSettings, RedisSettings, ServingSettings, masked


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("valkey://cache", "redis://cache"),
        ("valkeys://cache", "rediss://cache"),
        ("unix:///tmp/a@b.sock", "unix:///tmp/a@b.sock"),
        ("", None),
    ],
)
def test_addresses_of_redis_and_valkey(given: str, understood: str | None) -> None:
    """Valkey's schemes mean Redis', and an empty address means the embedded server."""
    assert RedisSettings(url=given).url == understood


@pytest.mark.parametrize("url", ["localhost:6379", "http://cache", "redis:/cache"])
def test_other_addresses_are_refused(url: str) -> None:
    """The message shows what an address looks like."""
    with pytest.raises(ValidationError, match=r"redis://localhost:6379/0"):
        RedisSettings(url=url)


@pytest.mark.parametrize(
    "url",
    [
        *("redis://:s3cret@cache:70000", "redis://:s3cret@cache:port", "redis://:s3cret@cache:-1", "redis://[s3cret"),
        *("redis://:s3/cret@cache:6379/0", "redis://:s3?cret@cache:6379/0", "redis://cache:0"),
    ],
)
def test_impossible_ports_are_refused(url: str) -> None:
    """When the settings are read, in our words, and whatever the password hides."""
    with pytest.raises(ValidationError, match=r"port") as refused:
        RedisSettings(url=url)
    (told,) = refused.value.errors()
    assert not any(part in told["msg"] for part in ("s3cret", "s3/cret", "s3?cret"))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (("*",), ("*",)),
        (("https://Shop.Example/", "http://[::1]:8080"), ("https://shop.example", "http://[::1]:8080")),
        (("https://shop.example:443",), ("https://shop.example",)),
    ],
)
def test_origins_are_kept_as_browsers_send_them(written: tuple[str, ...], kept: tuple[str, ...]) -> None:
    """A slash at the end would keep every page away, in silence."""
    assert ServingSettings(cors_origins=written).cors_origins == kept


@pytest.mark.parametrize("origin", ["https://shop.example/page", "https://shop .example", "shop.example", "*.example"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    """What no browser sends is a mistake, and not an origin without visitors."""
    with pytest.raises(ValidationError, match="no origin; write scheme and host alone"):
        ServingSettings(cors_origins=(origin,))


@pytest.mark.parametrize(
    "url", ["redis://shop:s3cret@cache/0", "redis://:s3cret@cache", "unix://x?password=s3cret", "redis://[s3cret"]
)
def test_passwords_are_masked(url: str) -> None:
    """Wherever the password stands, it is not in messages."""
    assert "s3cret" not in masked(url)


def test_what_is_no_password_is_shown() -> None:
    """A path may hold the sign that ends a password."""
    assert masked("unix:///tmp/a@b.sock") == "unix:///tmp/a@b.sock"


def test_settings_travel_as_json() -> None:
    """A worker process gets what the command line had."""
    settings = AppSettings(redis=RedisSettings(url="redis://cache", cluster=True))
    assert AppSettings.model_validate_json(settings.model_dump_json()) == settings
