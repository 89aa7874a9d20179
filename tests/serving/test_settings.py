"""Addresses are understood or refused, and never shown with their password."""

import pytest
from pydantic import ValidationError

from serving.settings import AppSettings, RedisSettings, masked


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("valkey://cache", "redis://cache"),
        ("valkeys://cache", "rediss://cache"),
        ("unix:///tmp/a.sock", "unix:///tmp/a.sock"),
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
    "url", ["redis://shop:s3cret@cache/0", "redis://:s3cret@cache", "unix://x?password=s3cret", "redis://[s3cret"]
)
def test_passwords_are_masked(url: str) -> None:
    """Wherever the password stands, it is not in messages."""
    assert "s3cret" not in masked(url)


def test_settings_travel_as_json() -> None:
    """A worker process gets what the command line had."""
    settings = AppSettings(redis=RedisSettings(url="redis://cache", cluster=True))
    assert AppSettings.model_validate_json(settings.model_dump_json()) == settings
