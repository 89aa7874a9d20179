"""Why a request is not let in, as the answer that says so.

An unknown, a revoked and an expired key get one and the same answer: which of them it was is nobody's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Response

from serving.access.scopes import Scope
from serving.problems import Code, problem_response

REALM = 'Bearer realm="regulars"'


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in the making."""

    status: int
    code: Code
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return the answer."""
        return problem_response(self.status, self.code, self.detail, headers=self.headers)


KEY_REQUIRED = Refusal(
    401,
    Code.KEY_REQUIRED,
    "An API key is needed: send it as 'Authorization: Bearer …' or 'X-API-Key: …'; a publishable one may also stand "
    "in the address, as key=pk_….",
    {"WWW-Authenticate": REALM},
)
KEY_UNKNOWN = Refusal(
    401,
    Code.KEY_UNKNOWN,
    "This API key opens nothing: it is unknown, revoked or expired. `regulars keys list` shows those that are live.",
    {"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
)
ORIGIN_NOT_ALLOWED = Refusal(
    403,
    Code.KEY_NOT_ALLOWED,
    "This API key may be used from listed origins only, and the request names no such origin.",
)
OUT_OF_SCOPE = {
    scope: Refusal(
        403,
        Code.KEY_NOT_ALLOWED,
        f"This API key may not do this: it lacks the scope {scope.value!r}.",
        {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope.value}"'},
    )
    for scope in Scope
}


def rate_limited(seconds: int) -> Refusal:
    """Return the answer to one request too many."""
    return Refusal(
        429,
        Code.RATE_LIMITED,
        f"Too many requests; come back in {seconds} s.",
        {"Retry-After": str(seconds)},
    )
