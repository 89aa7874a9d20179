"""The section ``[access]`` of `regulars.toml`."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from limits import parse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _known_rate(value: str) -> str:
    try:
        item = parse(value)
    except ValueError:
        raise ValueError(f"{value[:40]!r} is no rate; write one such as 600/minute") from None
    if item.amount < 1 or item.get_expiry() < 1:
        raise ValueError(f"{value[:40]!r} lets nothing through; write one such as 600/minute")
    return value


def _known_network(value: str) -> str:
    return str(ip_network(value))


Rate = Annotated[str, AfterValidator(_known_rate)]
"""How often something may happen, as the package `limits` writes it: 600/minute, 20/second, 5000 per hour."""
Network = Annotated[str, AfterValidator(_known_network)]


class AccessSettings(BaseModel):
    """Who may call the API. The keys themselves are in keys.json of the data folder (`regulars keys`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    keys: Literal["auto", "required"] = "auto"
    """'auto': the API is open until the first key is made, then a key is required; 'required': always."""
    rate_per_address: Rate | None = None
    """Requests of one client address, in one worker process, such as '1200/minute'; more are answered with 429."""
    proxies: tuple[Network, ...] = Field(default=())
    """Addresses or networks of your proxies: theirs is not the client's, the X-Forwarded-For they add is."""
    user_token_hours: float = Field(default=24.0, gt=0, le=8760)
    """The longest life of a signed user token; one that lives longer is refused (`regulars keys signing-secret`)."""
    user_token_audience: str | None = Field(default=None, min_length=1)
    """What the claim `aud` of user tokens must name; unset, the claim is ignored."""
