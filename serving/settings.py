"""The sections of `regulars.toml` that serving reads, typed and validated.

`regulars/config.py` reads the file, the environment and the command line, and hands over one `AppSettings`.
Workers are separate processes: the settings reach them as one JSON document (see `serving.app.from_environment`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from recommender.traffic.attribution import Window
from serving.access.origins import OriginOrAll
from serving.access.settings import AccessSettings
from serving.campaigns.settings import CampaignSettings
from serving.experiment_settings import ExperimentSettings, allocation_of, check_name
from serving.fragments.settings import FragmentSettings
from serving.log_settings import LogSettings
from serving.otel_settings import OtelSettings

SECONDS_PER_DAY = 86_400

_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss", "unix": "unix"}


class Section(BaseModel):
    """A frozen table of `regulars.toml` in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ServingSettings(Section):
    """How storefronts are answered."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every network interface.")
    port: int = Field(default=8000, ge=0, le=65_535, description="TCP port to listen on; 0 picks a free one.")
    share_port: bool = Field(
        default=False, description="Whether a second server may listen on the port, to take over from the first."
    )
    leave_seconds: float = Field(
        default=1.0,
        ge=0,
        le=15,
        description="How long a server that was told to stop (SIGTERM) goes on answering, each client a last time.",
    )
    workers: int = Field(default=1, ge=1, le=256, description="Processes that answer requests; about one per CPU core.")
    clock: Literal["wall", "data"] = Field(
        default="wall",
        description=(
            "What 'now' means: 'wall' is the time of day, 'data' continues from the end of the purchase log, or from "
            "the last event that was kept."
        ),
    )
    cors_origins: tuple[OriginOrAll, ...] = Field(
        default=("*",),
        description="Origins whose pages may call the API; '*' for all. Never with cookies.",
    )
    max_body_bytes: int = Field(default=1_048_576, ge=1024, description="Longer request bodies are refused with 413.")
    poll_seconds: float = Field(
        default=0.5,
        gt=0,
        le=60,
        description="How often a process looks for a new version, stock and erased users.",
    )
    fresh_events: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Of one visitor's clicks since training, this many count; of carts and purchases, thrice as many; "
        "of refusals, ratings, returns and complaints, thrice as many, too.",
    )
    fresh_days: float = Field(default=30.0, gt=0, description="Days after which a user's fresh events are forgotten.")
    guest_days: float = Field(default=7.0, gt=0, description="Days after which a guest's fresh events are forgotten.")
    sync_events: bool = Field(
        default=True,
        description="Whether events are on this machine's disk before they are accepted, whatever Redis keeps.",
    )
    dedupe_hours: float = Field(
        default=48.0, gt=0, description="Hours during which a second event with the same event_id is recognised."
    )
    max_in_flight: int = Field(
        default=256,
        ge=8,
        description="Page views under way in a process (other requests count fourfold) before further ones get a 503.",
    )
    stale_users: int = Field(
        default=10_000,
        ge=0,
        le=10_000_000,
        description="Users whose candidates a process remembers for the time Redis is away; about 1 kB each.",
    )
    drain_seconds: float = Field(default=1.0, gt=0, description="How often events move from Redis into files.")
    demo_shop: Literal["off", "local", "open"] = Field(
        default="off",
        description="Whether /shop is a demo shop, where anybody may be any user: 'local' for browsers of this "
        "machine, 'open' for all. It is shut as soon as there are API keys.",
    )


class RedisSettings(Section):
    """Where candidates, fresh events and stock are shared."""

    url: str | None = Field(
        default=None,
        description="redis://, rediss:// or unix:// address of Redis 7 or Valkey; without it, an embedded one starts.",
    )
    cluster: bool = Field(default=False, description="Whether the address is a node of a Redis Cluster.")
    timeout_ms: int = Field(default=100, ge=1, description="Milliseconds a request waits for Redis, then goes on.")
    max_connections: int = Field(
        default=64, ge=1, description="Connections per process, beside the one that reads users."
    )
    keep_days: float = Field(default=7.0, gt=0, description="Days a superseded version stays for instant rollback.")
    publish_delay_ms: float = Field(
        default=1.0,
        gt=0,
        description="Publishing slows down if others wait this many milliseconds longer than usual for Redis.",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        if not value:
            return None
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in _SCHEMES:
            raise ValueError(f"{masked(value)!r} is no Redis address; write one such as redis://localhost:6379/0")
        if not _is_understood(value):
            raise ValueError(
                f"{masked(value)!r} has an impossible port, or a password or host that hides it: "
                "write / ? # @ in a password as %2F %3F %23 %40, and [ ] around an IPv6 address"
            )
        return f"{_SCHEMES[scheme]}://{rest}"


class AppSettings(Section):
    """Everything the online side needs to know."""

    data_dir: Path = Field(default=Path("data"), description="Folder of artifacts and event files.")
    shop_name: str = Field(default="My shop", description="The name shown in the demo shop.")
    currency: str = Field(default="USD", description="ISO 4217 code of every price.")
    serving: ServingSettings = Field(default=ServingSettings(), description="How storefronts are answered.")
    access: AccessSettings = Field(default=AccessSettings(), description="Who may call the API.")
    redis: RedisSettings = Field(default=RedisSettings(), description="Where candidates are shared.")
    logs: LogSettings = Field(default=LogSettings(), description="What the server writes about itself.")
    otel: OtelSettings = Field(default=OtelSettings(), description="Traces for a collector.")
    fragments: FragmentSettings = Field(default=FragmentSettings(), description="Shelves as HTML.")
    attribution_window: Window = Field(default=Window(), description="How long a shelf may claim what was bought.")
    campaign: CampaignSettings = Field(default=CampaignSettings(), description="What goes into a mailing file.")
    experiments: dict[str, ExperimentSettings] = Field(default_factory=dict, description="Who gets what, to compare.")

    @field_validator("experiments")
    @classmethod
    def _fit_beside_each_other(cls, value: dict[str, ExperimentSettings]) -> dict[str, ExperimentSettings]:
        for name in value:
            check_name(name, what="experiment")
        allocation_of(value)
        return value

    @property
    def artifacts_dir(self) -> Path:
        """Folder with one artifact per version, and ``CURRENT``."""
        return self.data_dir / "artifacts"

    @property
    def events_dir(self) -> Path:
        """Folder of the event files."""
        return self.data_dir / "events"

    @property
    def households_file(self) -> Path:
        """Whom visitors of the demo shop may shop as (see `serving.shop.households`)."""
        return self.data_dir / "households.json"


def masked(url: str) -> str:
    """Return `url` without its password, for messages and logs, however wrong the address may be.

    >>> masked("redis://shop:secret@cache:6379/0")
    'redis://shop:***@cache:6379/0'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    if "@" in url and "@" not in parts.netloc and parts.netloc:  # a slash in the password: no parser sees its end
        return f"{url.partition('://')[0]}://***@{url.rpartition('@')[2]}"
    masked_parts = parts
    if "password" in parts.query:
        masked_parts = masked_parts._replace(query="***")
    if parts.password is not None:
        host = parts.netloc.rpartition("@")[2]
        masked_parts = masked_parts._replace(netloc=f"{parts.username or ''}:***@{host}")
    return url if masked_parts == parts else urlunsplit(masked_parts)


def _is_understood(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
