"""Everything a training leaves behind, in memory: what an artifact stores and an `Engine` reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from recommender.blend import Blend
from recommender.catalogue import Catalogue
from recommender.confidence import Confidence
from recommender.diversity import Variety
from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.histories import Histories
from recommender.ids import IdMap
from recommender.loyalty.outlook import Outlook
from recommender.loyalty.rfm import CustomerBase
from recommender.neighbours import Neighbours
from recommender.peers import Peers
from recommender.popularity import Popularity
from recommender.repeat import RepeatHabits
from recommender.standing import Standing


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, weakref_slot=True)
class Model:
    """A trained model. All per-user parts share `users`, all per-item parts share `items`.

    Raises
    ------
    InvalidInput
        If the parts speak of different numbers of users or items.
    """

    users: IdMap
    items: IdMap
    catalogue: Catalogue
    as_of: np.datetime64
    """datetime64[s], UTC: the first moment the log says nothing about."""
    confidence: Confidence
    factors: Factors
    histories: Histories
    similar: Neighbours
    """Items bought by the same users."""
    together: Neighbours
    """Items bought in the same baskets."""
    peers: Peers
    """Who bought what, to find people with a similar past; empty where that is off."""
    popularity: Popularity
    repeat: RepeatHabits
    blend: Blend
    customers: CustomerBase
    outlook: Outlook
    """What is to be expected of every user after `as_of`."""
    variety: Variety = field(default_factory=Variety)
    """How varied its slates are: part of the model, so that the API, campaigns and reports agree."""
    selling: Standing = field(init=False, repr=False)
    """All items by recent buyers, and by all-time buyers where nobody bought lately."""
    rising: Standing = field(init=False, repr=False)
    """All items by how much better they sell than they used to."""
    best_selling: Standing = field(init=False, repr=False)
    """All items by buyers of all time."""

    def __post_init__(self) -> None:
        n_users, n_items = len(self.users), len(self.items)
        users = {
            "factors": len(self.factors.user),
            "histories": len(self.histories),
            "customers": len(self.customers.recency_days),
            "outlook": len(self.outlook),
            "peers": len(self.peers.items.size),
        }
        items = {
            "catalogue": len(self.catalogue),
            "factors": len(self.factors.item),
            "similar": len(self.similar.indptr) - 1,
            "together": len(self.together.indptr) - 1,
            "peers": len(self.peers.buyers.size),
            "popularity": len(self.popularity.total),
            "repeat": len(self.repeat.rate),
        }
        for parts, expected, what in ((users, n_users, "users"), (items, n_items, "items")):
            if wrong := {name: size for name, size in parts.items() if size != expected}:
                raise InvalidInput(f"the model has {expected} {what}, but its parts disagree: {wrong}")
        popularity, category, n = self.popularity, self.catalogue.category, len(self.catalogue.categories)
        for name, score in (
            ("selling", popularity.recent + np.float32(1e-3) * popularity.total),
            ("rising", popularity.trend),
            ("best_selling", popularity.total),
        ):
            object.__setattr__(self, name, Standing(score, category, n))

    def without_users(self, users: Iterable[str]) -> Model:
        """Return the model without the rows of these users; the others are renumbered, and keep all that is known.

        Items stay as they are: what was counted or learned over everybody is in no row of anybody's.
        """
        keep = np.ones(len(self.users), dtype=np.bool_)
        keep[self.users.known(users)] = False
        return dataclasses.replace(
            self,
            users=IdMap(tuple(user for user, stays in zip(self.users.ids, keep.tolist(), strict=True) if stays)),
            factors=dataclasses.replace(self.factors, user=self.factors.user[keep]),
            histories=self.histories.select(keep),
            customers=self.customers.select(keep),
            outlook=self.outlook.select(keep),
            peers=self.peers.select(keep),
        )
