"""Who a campaign is for."""

import pytest

from recommender.errors import InvalidInput
from recommender.loyalty.rfm import Segment
from serving.campaigns.audience import EVERYBODY, Audience, sizes
from tests.models import shop_model


def test_segments_partition_the_users() -> None:
    """Every user is in exactly one segment, and all of them in everybody."""
    customers = shop_model().customers
    users = [user for segment in Segment for user in Audience.of(customers, segment.label).user.tolist()]
    everybody = Audience.of(customers, EVERYBODY)
    assert sorted(users) == everybody.user.tolist() == list(range(len(customers)))
    assert sum(sizes(customers).values()) == 2 * len(everybody)


@pytest.mark.parametrize("name", ["at risk", "at_risk", "At-Risk", " AT  RISK "])
def test_spelling_does_not_matter(name: str) -> None:
    """A segment is found however it is written, and has one folder."""
    audience = Audience.of(shop_model().customers, name)
    assert (audience.name, audience.folder) == ("at risk", "at_risk")


@pytest.mark.parametrize("name", ["", "riskant", "../at_risk", "at/risk", "at\0risk", "ALL of them"])
def test_unknown_segment(name: str) -> None:
    """What is no segment is refused, with those there are and their sizes."""
    with pytest.raises(InvalidInput, match=r"there is no segment .*; there are 'prospect' \(\d+\), .*'all' \(200\)"):
        Audience.of(shop_model().customers, name)
