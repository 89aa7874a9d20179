"""How much of a score goes when a purchase goes.

A component speaks through one or two features of a signal, such as ``factors`` and ``factors_log``, whose weights are
learned and may have different signs. So a purchase that strengthens the signal need not raise the score. Here both
features are computed once more for the signal without the purchase, on the same scale and for the same candidates.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from recommender.blend import FEATURES, Component
from recommender.features import Described, Scale
from recommender.histories import History
from recommender.model import Model

Floats = npt.NDArray[np.float32]
_COLUMN = {name: column for column, name in enumerate(FEATURES)}

SIGNALS: Mapping[Component, tuple[str, ...]] = {
    Component.FACTORS: ("factors",),
    Component.SIMILAR: ("similar",),
    Component.TOGETHER: ("together",),
    Component.PEERS: ("peers",),
    Component.CART: ("cart_together", "cart_similar"),
}
"""The fields of `Signals` that a component speaks through."""

_NOTICEABLE = np.float32(1e-5)
"""In standard deviations of a signal, and in points of a score: less may be rounding."""


class Evidence:
    """What is known of one person's candidates, whatever they are ranked for; computed when it is asked for."""

    def __init__(self, model: Model, history: History, described: Described) -> None:
        self.model, self.history, self.described = model, history, described

    @functools.cached_property
    def leaving_out(self) -> Floats:
        """(f, m) what the person's vector loses without each item of the past."""
        return self.model.factors.leaving_out(self.history.item, self.history.confidence)

    @property
    def votes(self) -> Floats:
        """(m,) what each item of the past counts for in `together`."""
        return self.described.signals.votes

    def signal(self, name: str, item: npt.NDArray[np.int32]) -> Floats:
        """Return the values of a signal that there is for some of the candidates."""
        return self.described.values[name][self.described.item.searchsorted(item)]

    @property
    def scales(self) -> Mapping[str, Scale]:
        """The scales of the signals that there are."""
        return self.described.scales


class Influence:
    """The way from the signals of one person to the scores of their candidates, for one purpose.

    Parameters
    ----------
    evidence
        What is known of the candidates.
    weights
        (n_features,) the weights of the purpose.
    """

    def __init__(self, evidence: Evidence, weights: Floats) -> None:
        self.evidence = evidence
        self._weights = weights

    def falls(self, item: npt.NDArray[np.int32], loss: Mapping[str, Floats]) -> npt.NDArray[np.bool_]:
        """Return (t,) bool: whether a signal, and with it a component's share of the score of each `item`, falls.

        Parameters
        ----------
        item
            (t,) some of the candidates.
        loss
            By the names of the component's signals, (t,) what each item loses of it.
        """
        noticed = np.zeros(len(item), dtype=np.bool_)
        for name, lost in loss.items():
            if (scale := self.evidence.scales.get(name)) is not None:
                noticed |= lost > _NOTICEABLE * scale.spread
        return noticed & (self.lost(item[:, None], {name: lost[:, None] for name, lost in loss.items()})[:, 0] > 0)

    def lost(self, item: npt.NDArray[np.int32], loss: Mapping[str, Floats]) -> Floats:
        """Return (t, a) what the score of each `item` (t, 1) loses with `loss` (t, a) of its signals, by name.

        What may be rounding counts as nothing.
        """
        total = np.zeros(np.broadcast_shapes(item.shape, *(lost.shape for lost in loss.values())), dtype=np.float32)
        for name, lost in loss.items():
            if (scale := self.evidence.scales.get(name)) is None:
                continue
            before = self.evidence.signal(name, item)
            total += self._weight(name) * (lost / scale.spread)
            total += self._weight(f"{name}_log") * (scale.log_relative(before) - scale.log_relative(before - lost))
        total[np.abs(total) < _NOTICEABLE] = 0
        return total

    def _weight(self, name: str) -> np.float32:
        return self._weights[_COLUMN[name]] if name in _COLUMN else np.float32(0)
