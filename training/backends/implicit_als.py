"""Alternating least squares by the `implicit` library: the one file that imports it.

What it is asked to do differs from its defaults on purpose:

* ``alpha=1``: the library multiplies the matrix by alpha and calls that the confidence. Ours holds
  c = 1 + alpha · r already, so an observed pair weighs more than an unobserved one even at small alpha.
* A canonical `csr_matrix`: it would take explicit zeros for purchases and not add up repeated entries, and it
  refuses `csr_array` only later, when asked to recommend.
* An integer seed and one BLAS thread: bit-identical results, whatever the machine's thread count.
* Its `recommend` is never called: past the catalogue it pads with item 0, and it fills lists with owned items.

The library leaves user vectors one half-step behind the item vectors. They are solved once more, exactly, so
that a user's stored vector is the one `Factors.fold_in` gives for the same purchases, and no shelf jumps when
a click arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from implicit.cpu.als import AlternatingLeastSquares
from implicit.recommender_base import ModelFitError
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from training.progress import Progress
from training.settings import AlsSettings


class ImplicitAls:
    """Fits factors on the processor, with all its cores."""

    def __init__(self, settings: AlsSettings) -> None:
        self.settings = settings

    @property
    def libraries(self) -> Mapping[str, str]:
        """The version of implicit."""
        return {"implicit": version("implicit")}

    def prepare(self, progress: Progress) -> None:
        """Do nothing: there is nothing to prepare."""

    def fit(self, matrix: InteractionMatrix, *, advance: Callable[[], None] = lambda: None) -> Factors:
        """Return the factors of `matrix`; `advance` is called after each iteration.

        Raises
        ------
        InvalidInput
            If the numbers diverged.
        """
        c = csr_matrix(matrix.confidence)
        if not c.nnz:
            return self._nothing(c.shape)
        with threadpool_limits(limits=1, user_api="blas"):
            model = self._model(use_cg=True)
            try:
                model.fit(c, show_progress=False, callback=lambda *_: advance())
            except ModelFitError:
                raise InvalidInput(_diverged(self.settings)) from None
            user, item = self._settled(c, model.user_factors, model.item_factors)
        if not (np.isfinite(user).all() and np.isfinite(item).all()):
            raise InvalidInput(_diverged(self.settings))
        return Factors(user, item, regularization=self.settings.regularization)

    def _model(self, *, use_cg: bool) -> AlternatingLeastSquares:
        return AlternatingLeastSquares(
            factors=self.settings.factors,
            regularization=self.settings.regularization,
            alpha=1.0,
            iterations=self.settings.iterations,
            random_state=self.settings.seed,
            use_cg=use_cg,
        )

    def _settled(
        self, c: csr_matrix, user: npt.NDArray[Any], item: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return both sides with strangers at zero, and the users solved exactly for the items."""
        item = np.where((c.getnnz(axis=0) > 0)[:, None], item, np.float32(0))
        user = np.zeros_like(user)
        # (YᵀY + Yᵀ(C − I)Y + λI) x = YᵀC p for every user, by Cholesky decomposition
        self._model(use_cg=False).solver(c, user, item, self.settings.regularization, num_threads=0)
        user[c.getnnz(axis=1) == 0] = 0
        return user, item

    def _nothing(self, shape: tuple[int, int]) -> Factors:
        """Return the factors of a log in which nobody is known."""
        user, item = (np.zeros((n, self.settings.factors), dtype=np.float32) for n in shape)
        return Factors(user, item, regularization=self.settings.regularization)


def _diverged(settings: AlsSettings) -> str:
    return (
        f"the factors diverged with factors = {settings.factors} and regularization = {settings.regularization}; "
        "raise regularization or lower factors in [als]"
    )
