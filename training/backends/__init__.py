"""Libraries that turn an `InteractionMatrix` into `Factors`, behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from recommender.errors import ConfigError
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from training.settings import AlsSettings


class Backend(Protocol):
    """Something that factorises.

    The matrix already holds c_ui = 1 + alpha · r; a backend adds nothing to it. Users and items without an entry get
    vectors of zeros, so that `Factors.is_cold` recognises them. The same matrix gives the same factors: to the
    bit with `implicit`, up to rounding with Spark.
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
    ConfigError
        If a part of the system that it needs is missing.
    """
    if settings.backend == "spark":
        from training.backends.spark_als import SparkAls

        return SparkAls(settings)
    try:
        from training.backends.implicit_als import ImplicitAls
    except ImportError as error:
        # Its wheels bring no OpenMP runtime; machines without a compiler may lack it.
        raise ConfigError(
            f"implicit cannot be loaded: {error}. If libgomp is missing, install it (apt-get install libgomp1, "
            "dnf install libgomp)"
        ) from error
    return ImplicitAls(settings)
