"""Libraries that turn an `InteractionMatrix` into `Factors`, behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from training.settings import AlsSettings


class Backend(Protocol):
    """Something that factorises.

    The matrix already holds c_ui = 1 + alpha · r; a backend adds nothing to it. Users and items without an entry get
    vectors of zeros, so that `Factors.is_cold` recognises them. The same matrix gives the same bytes, every
    time.
    """

    @property
    def libraries(self) -> Mapping[str, str]:
        """Versions of what computes, by distribution name."""

    def fit(self, matrix: InteractionMatrix, *, advance: Callable[[], None] = ...) -> Factors:
        """Return the factors of `matrix`; `advance` is called after each of the settings' iterations.

        Raises
        ------
        InvalidInput
            If the numbers diverged.
        """


def make_backend(settings: AlsSettings) -> Backend:
    """Return the backend that `settings` name.

    Raises
    ------
    MissingExtra
        If the optional library behind it is not installed.
    """
    if settings.backend == "spark":
        from training.backends.spark_als import SparkAls

        return SparkAls(settings)
    from training.backends.implicit_als import ImplicitAls

    return ImplicitAls(settings)
