"""A model whose parts do not fit together is refused where it is made."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from recommender.catalogue import Catalogue
from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.ids import IdMap
from recommender.popularity import Popularity
from recommender.repeat import RepeatHabits
from tests import models

NONE = np.empty(0, dtype=np.float32)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"users": IdMap(("ann",))}, r"1 users, but its parts disagree: .*'factors': 200"),
        ({"factors": Factors(np.zeros((3, 2), np.float32), np.zeros((120, 2), np.float32), 1.0)}, "'factors': 3"),
        ({"factors": Factors(np.zeros((200, 2), np.float32), np.zeros((9, 2), np.float32), 1.0)}, "'factors': 9"),
        ({"catalogue": Catalogue.from_items([])}, "120 items, but its parts disagree: {'catalogue': 0}"),
        ({"popularity": Popularity(NONE, NONE, NONE, NONE, NONE)}, "'popularity': 0"),
        ({"repeat": RepeatHabits(NONE, NONE)}, "'repeat': 0"),
        ({"histories": models.tiny_model("one user").histories}, "'histories': 1"),
        ({"customers": models.tiny_model("one user").customers}, "'customers': 1"),
        ({"similar": models.tiny_model("one user").similar}, "'similar': 5"),
        ({"together": models.tiny_model("one user").together}, "'together': 5"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parts_of_another_size_are_refused(part: dict[str, Any], problem: str) -> None:
    """The message names the part and its size."""
    with pytest.raises(InvalidInput, match=problem):
        dataclasses.replace(models.shop_model(), **part)
