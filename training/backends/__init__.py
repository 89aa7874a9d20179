"""Libraries that turn an `InteractionMatrix` into `Factors`, behind one protocol."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Protocol

from recommender.errors import ConfigError, MissingExtra
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from training.progress import Progress
from training.settings import AlsSettings


class Backend(Protocol):
    """Something that factorises.

    The matrix already holds c_ui = 1 + alpha · r; a backend adds nothing to it. Users and items without an entry get
    vectors of zeros, so that `Factors.is_cold` recognises them. The same matrix gives the same factors: to the
    bit with `implicit` and Numba, up to rounding with Spark.
    """

    @property
    def libraries(self) -> Mapping[str, str]:
        """Versions of what computes, by distribution name."""

    def prepare(self, progress: Progress) -> None:
        """Do what takes its time once, before the first `fit`; a `fit` without it does so by itself, silently."""

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
    return _numba(settings) if settings.backend == "numba" else _implicit(settings)


def _numba(settings: AlsSettings) -> Backend:
    if importlib.util.find_spec("numba") is None:
        raise MissingExtra("als.backend = 'numba'", extra="fast")
    try:
        from training.backends.numba_als import NumbaAls
    except ImportError as error:
        # It names the versions of NumPy that it was built for, and refuses others.
        raise ConfigError(f"numba cannot be loaded: {error}; or set als.backend to 'implicit'") from error
    return NumbaAls(settings)


def _implicit(settings: AlsSettings) -> Backend:
    try:
        from training.backends.implicit_als import ImplicitAls
    except ImportError as error:
        # Its wheels bring no OpenMP runtime; machines without a compiler may lack it.
        raise ConfigError(
            f"implicit cannot be loaded: {error}. If libgomp is missing, install it (apt-get install libgomp1, "
            "dnf install libgomp)"
        ) from error
    return ImplicitAls(settings)
