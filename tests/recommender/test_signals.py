"""Every signal equals the array of all items it stands for: its values, and its best by sorting them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue import Catalogue, Item
from recommender.cold import Newcomers
from recommender.families import Families
from recommender.inner_product_index import InnerProductIndex
from recommender.ranking import top_k
from recommender.signals import Affinity, Products, Scores, Signal, Votes
from recommender.standing import Standing
from recommender.tally import Tally

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shop:
    """Some items, of which some were never sold."""

    rng: np.random.Generator
    catalogue: Catalogue
    newcomers: Newcomers
    families: Families

    @property
    def size(self) -> int:
        """How many items there are."""
        return len(self.catalogue)


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """Draw a shop of a few categories, with many newcomers, with few or without."""
    rng, n = np.random.default_rng(draw(st.integers(0, 2**32))), draw(st.integers(1, 60))
    rows = rng.integers(0, 3, (n, 3)).tolist()
    catalogue = Catalogue.from_items(
        [
            Item(item_id=str(at), department=f"d{d}", category=f"c{c}", brand=f"b{b}")
            for at, (d, c, b) in enumerate(rows)
        ]
    )
    newcomers = Newcomers.of(catalogue, rng.random(n) >= draw(st.sampled_from([0.0, 0.2, 0.7])))
    return Shop(rng, catalogue, newcomers, Families.of(newcomers, n))


def assert_equals(signal: Signal, column: Floats, shop: Shop, k: int) -> None:
    """Assert that the signal is `column`, but for rounding, and ranks as it is."""
    everything = np.arange(shop.size, dtype=np.int32)
    values = signal[everything]
    np.testing.assert_allclose(values, column, rtol=1e-5, atol=1e-6)
    exclude = np.flatnonzero(shop.rng.random(shop.size) < 0.2).astype(np.int32)
    found, expected = signal.best(k, exclude=exclude), top_k(values, k, exclude=exclude)
    assert found.item.tolist() == expected.item.tolist()
    assert found.item.dtype == np.int32
    np.testing.assert_array_equal(found.score, expected.score)


@given(shops(), st.integers(0, 70), st.booleans())
def test_products(shop: Shop, k: int, is_cold: bool) -> None:
    """Vectors of whole numbers, so that ties are ties; newcomers have the mean of their siblings' products."""
    vectors = shop.rng.integers(-2, 3, (shop.size, 4)).astype(np.float32)
    vector = np.zeros(4, np.float32) if is_cold else shop.rng.integers(-2, 3, 4).astype(np.float32)
    sold = ~np.isin(np.arange(shop.size), shop.newcomers.item)
    index, means = InnerProductIndex(vectors, among=sold), shop.families.means(vectors)
    signal = Products(index, vectors, shop.families, means, vector)
    assert_equals(signal, shop.newcomers.filled(vectors @ vector), shop, k)


@given(shops(), st.integers(0, 70), st.integers(0, 30))
def test_votes(shop: Shop, k: int, votes: int) -> None:
    """Where fewer than asked for have votes, the first of the catalogue follow, as in a sort of zeros."""
    item, vote = shop.rng.integers(0, shop.size, votes), shop.rng.choice([0.0, 0.25, 0.5], votes)
    signal = Votes(Tally.of(item, vote, n=shop.size), shop.families, shop.size)
    column = np.bincount(item, vote, shop.size).astype(np.float32)
    assert_equals(signal, shop.newcomers.filled(column), shop, k)


@given(shops(), st.integers(0, 70), st.integers(0, 10))
def test_affinity(shop: Shop, k: int, seen: int) -> None:
    """Taste differs in the categories of the past alone; shares are multiples of a quarter, so that sums are exact."""
    category, n = shop.catalogue.category, len(shop.catalogue.categories)
    share = (shop.rng.integers(-20, 0, shop.size) / 4).astype(np.float32)
    known = np.unique(category[shop.rng.integers(0, shop.size, seen)]).astype(np.int64)
    taste = np.full(n, -9.0, dtype=np.float32)
    taste[known] = shop.rng.integers(-9, 1, len(known)) / 2
    signal = Affinity(Standing(share, category, n), category, taste, known)
    assert_equals(signal, taste[category] + share, shop, k)


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_affinity_reads_long_categories_on(seed: int, k: int) -> None:
    """A favourite category is read as far as its items are better than the rest."""
    rng = np.random.default_rng(seed)
    category, share = rng.integers(0, 3, 600).astype(np.int32), (rng.integers(-400, 0, 600) / 4).astype(np.float32)
    taste = np.array([50, -10, -9], dtype=np.float32)
    signal = Affinity(Standing(share, category, 3), category, taste, np.array([0, 1]))
    exclude = rng.permutation(600)[:40].astype(np.int32)
    column = taste[category] + share
    assert signal.best(k, exclude=exclude).item.tolist() == top_k(column, k, exclude=exclude).item.tolist()


@given(shops(), st.integers(0, 70))
def test_scores(shop: Shop, k: int) -> None:
    """What is written out is read as it stands."""
    column = shop.rng.integers(0, 5, shop.size).astype(np.float32)
    assert_equals(Scores(column), column, shop, k)
