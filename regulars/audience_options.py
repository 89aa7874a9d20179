"""The short options about people, as parts of a condition."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.errors import InvalidInput
from recommender.loyalty.rfm import Segment
from serving.campaigns.expression import parse

EVERYBODY = "all"


def condition(
    audience: str,
    *,
    segment: str | None = None,
    due_within: float | None = None,
    bought_in: Sequence[str] = (),
    spent: str | None = None,
) -> str:
    """Return all that was said, joined with and; empty for everybody.

    >>> condition("alive > 0.5", segment="At-Risk", spent="100:")
    '(alive > 0.5) and segment = "at risk" and monetary >= 100'

    Raises
    ------
    InvalidInput
        If some of it cannot be understood.
    """
    if audience:
        parse(audience)
    parts = [f"({audience})"] if audience else []
    if segment is not None and segment.strip().lower() != EVERYBODY:
        parts.append(f'segment = "{Segment.parse(segment).label}"')
    if due_within is not None:
        parts.append(f"due_within <= {due_within:g}")
    if bought_in:
        parts.append(f"bought_category in ({', '.join(map(_quoted, bought_in))})")
    if spent is not None:
        parts += _range(spent)
    return parts[0][1:-1] if parts == [f"({audience})"] else " and ".join(parts)


def segment_name(segment: str) -> str:
    """Return the name of the campaign of a segment.

    >>> segment_name("at risk")
    'at_risk'
    """
    is_everybody = segment.strip().lower() == EVERYBODY
    return EVERYBODY if is_everybody else Segment.parse(segment).label.replace(" ", "_")


def _range(spent: str) -> list[str]:
    low, separator, high = spent.partition(":")
    try:
        parts = [f"monetary {sign} {float(side):g}" for sign, side in ((">=", low), ("<=", high)) if side.strip()]
    except ValueError:
        parts = []
    if not separator or not parts:
        raise InvalidInput(f"--spent {spent!r} is no range; write 100:500, 100: or :500")
    return parts


def _quoted(category: str) -> str:
    quote = "'" if '"' in category else '"'
    return f"{quote}{category}{quote}"
