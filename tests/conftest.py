"""What every test shares: the planted logs as fixtures, one BLAS thread, and how hypothesis draws.

Examples are drawn from a fixed seed, so that a green suite stays green; look for new counterexamples with
``pytest --hypothesis-profile=explore``.
"""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from threadpoolctl import threadpool_limits

from recommender.interactions import Interactions
from tests import planted

# A shared machine stalls at random: a deadline per example would test the machine.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """Keep parallel test processes from fighting over cores, and sums from depending on their number."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def checkerboard() -> Interactions:
    """Two tastes; item u is the right new item for user u."""
    return planted.checkerboard()


@pytest.fixture(scope="session")
def planted_shop() -> planted.PlantedShop:
    """A year of a small shop with tastes, staples, guests and a catalogue."""
    return planted.shop()


@pytest.fixture(scope="session")
def hostile_log() -> Interactions:
    """Ids that break naive keys, URLs, CSV and HTML."""
    return planted.hostile()


@pytest.fixture(params=list(planted.TINY))
def tiny_log(request: pytest.FixtureRequest) -> Interactions:
    """Each of the smallest logs in turn."""
    return planted.TINY[request.param]
