"""Alternating least squares by Spark's MLlib: the one file that imports pyspark.

For a shop whose purchases live in a Spark cluster or outgrow one machine. On one machine `implicit` is many times
faster. Spark is told what makes its objective ours:

* It computes its own confidence as 1 + alpha · rating. Ours holds c = 1 + alpha · r already, so it gets the ratings
  c − 1 and an alpha of 1.
* It multiplies the regularization of each row by the row's number of entries (ALS-WR), `implicit` does not. So its
  ``regParam`` is λ · rows / (2 · entries): all rows together are pulled as hard as with `implicit`, but bestsellers
  and heavy buyers harder, rare ones less. Factors of the two libraries are therefore alike, not equal.
* Users without entries are missing from its answer. The user vectors are solved once more with the plain λ, by
  `Factors.fold_in`, so that a stored vector is the one that folding in gives, and no shelf jumps when a click arrives.

The matrix travels as a Parquet file, and the item vectors come back as one: no Python worker is started. Spark's log
goes to a file, whose end is part of the message if Spark fails. Sums are taken in whatever order partitions arrive, so
the same seed gives the same factors up to rounding, not bit by bit.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommender.errors import ConfigError, InvalidInput, MissingExtra, RecommenderError
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from training.progress import Progress
from training.settings import AlsSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

POLL_SECONDS = 0.1
STOP_SECONDS = 30.0

_JOBS_PER_ITERATION = 2
"""Each half of an iteration computes a Gram matrix, which is a job of its own."""
_JOB_GROUP = "regulars"
_LOG_LINES = 12


class SparkAls:
    """Fits factors on Spark: in a local one with all cores, or on the cluster that the settings name.

    Raises
    ------
    MissingExtra
        If pyspark is not installed.
    ConfigError
        If there is no Java to run it.
    """

    def __init__(self, settings: AlsSettings) -> None:
        if importlib.util.find_spec("pyspark") is None:
            raise MissingExtra("training on Spark", extra="spark")
        if not has_java():
            raise ConfigError(
                "als.backend is 'spark', which needs Java 17 or newer, and there is no java command: install one, "
                "set JAVA_HOME, or set als.backend to 'implicit'"
            )
        self.settings = settings

    @property
    def libraries(self) -> Mapping[str, str]:
        """The version of pyspark."""
        return {"pyspark": version("pyspark")}

    def prepare(self, progress: Progress) -> None:
        """Do nothing: there is nothing to prepare."""

    def fit(self, matrix: InteractionMatrix, *, advance: Callable[[], None] = lambda: None) -> Factors:
        """Return the factors of `matrix`; `advance` is called after each iteration.

        Raises
        ------
        InvalidInput
            If the numbers diverged.
        RecommenderError
            If Spark failed; the message holds the end of its log.
        """
        c = matrix.confidence
        item = np.zeros((c.shape[1], self.settings.factors), dtype=np.float32)
        if c.nnz:
            index, vectors = self._train(c, advance)
            item[index] = vectors
        if not np.isfinite(item).all():
            raise InvalidInput(
                f"the factors diverged with regularization = {self.settings.regularization}; raise it in [als]"
            )
        return _with_users(c, item, regularization=self.settings.regularization)

    def _train(
        self, c: csr_matrix, advance: Callable[[], None]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return the indices (m,) and vectors (m, f) of the items that have entries."""
        with tempfile.TemporaryDirectory(prefix="regulars-spark-", dir=self.settings.spark_folder) as name:
            folder = Path(name)
            _write_entries(c, folder / "entries.parquet")
            with spark_session(self.settings, folder) as session:
                entries, als = session.read.parquet(str(folder / "entries.parquet")), self._als(c)
                model = _watched(
                    session, lambda: als.fit(entries), iterations=self.settings.iterations, advance=advance
                )
                model.itemFactors.write.parquet(str(folder / "items"))
            return _read_vectors(folder / "items")

    def _als(self, c: csr_matrix) -> Any:
        rows = np.count_nonzero(c.getnnz(axis=0)) + np.count_nonzero(c.getnnz(axis=1))
        return _module("pyspark.ml.recommendation").ALS(
            rank=self.settings.factors,
            maxIter=self.settings.iterations,
            regParam=self.settings.regularization * rows / (2 * c.nnz),
            implicitPrefs=True,
            alpha=1.0,
            userCol="user",
            itemCol="item",
            ratingCol="rating",
            seed=self.settings.seed,
        )


def has_java() -> bool:
    """Say whether there is a Java command where Spark looks for it."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin") if home else None) is not None


@contextmanager
def spark_session(settings: AlsSettings, folder: Path) -> Iterator[SparkSession]:
    """Start a Spark that keeps everything in `folder`, and end it together with its Java process.

    Raises
    ------
    RecommenderError
        If Spark does not start, or fails inside the block.
    """
    conf = _module("pyspark").SparkConf(loadDefaults=True).setAll(list(_options(settings, folder).items()))
    log_path = folder / "spark.log"
    with log_path.open("wb") as log:
        with _failures_explained(log_path):
            gateway = _module("pyspark.java_gateway").launch_gateway(conf, {"stdout": log, "stderr": log})
        try:
            with _failures_explained(log_path):
                context = _module("pyspark").SparkContext(gateway=gateway, conf=conf)
                try:
                    context.setCheckpointDir(str(folder / "checkpoints"))
                    yield _module("pyspark.sql").SparkSession(context)
                finally:
                    context.stop()
        finally:
            _end(gateway)


def _options(settings: AlsSettings, folder: Path) -> dict[str, str]:
    master = settings.spark_master or f"local[{_cores()}]"
    options = {
        "spark.app.name": "regulars",
        "spark.master": master,
        "spark.driver.memory": settings.spark_memory,
        "spark.pyspark.python": sys.executable,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    if master.startswith("local"):
        options |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(folder / "scratch"),
        }
    return options


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _failures_explained(log: Path) -> Iterator[None]:
    """Turn what Java throws into one message with the end of the log; Java itself is asked for its reason."""
    java_error, start_error = _module("py4j.protocol").Py4JError, _module("pyspark.errors").PySparkException
    try:
        yield
    except (java_error, start_error) as error:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        tail = "\n".join([line for line in lines if not line.startswith("\tat ")][-_LOG_LINES:])
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise RecommenderError(f"Spark failed: {reason}\nIts log ends:\n{tail}") from error


def _end(gateway: Any) -> None:
    """End the Java process; pyspark would keep it, with its memory, for a next session in this program."""
    context_class = _module("pyspark").SparkContext
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(STOP_SECONDS)
    context_class._gateway = context_class._jvm = None


def _watched(session: SparkSession, fit: Callable[[], Any], *, iterations: int, advance: Callable[[], None]) -> Any:
    """Run `fit` beside this thread, and call `advance` from this thread as its iterations are finished."""
    context = session.sparkContext

    def run() -> Any:
        context.setJobGroup(_JOB_GROUP, "alternating least squares")
        return fit()

    reported = 0
    with ThreadPoolExecutor(1, thread_name_prefix="spark-fit") as pool:
        future = pool.submit(run)
        try:
            while not wait([future], timeout=POLL_SECONDS).done:
                jobs = len(context.statusTracker().getJobIdsForGroup(_JOB_GROUP))
                finished = min(iterations, max(0, jobs - 1) // _JOBS_PER_ITERATION)
                for _ in range(finished - reported):
                    advance()
                reported = max(reported, finished)
        except BaseException:
            context.cancelAllJobs()
            raise
    model = future.result()
    for _ in range(iterations - reported):
        advance()
    return model


def _write_entries(c: csr_matrix, path: Path) -> None:
    entries = c.tocoo()
    columns = {"user": entries.row.astype(np.int32), "item": entries.col.astype(np.int32), "rating": entries.data - 1}
    pl.DataFrame(columns).write_parquet(path)


def _read_vectors(folder: Path) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    frame = pl.read_parquet(folder / "*.parquet")
    vectors = frame["features"].explode().cast(pl.Float32).to_numpy().reshape(len(frame), -1)
    return frame["id"].cast(pl.Int32).to_numpy(), vectors


def _with_users(c: csr_matrix, item: npt.NDArray[np.float32], *, regularization: float) -> Factors:
    """Return the factors with the users solved exactly for the items."""
    user = np.zeros((c.shape[0], item.shape[1]), dtype=np.float32)
    factors = Factors(user, item, regularization=regularization)
    with threadpool_limits(limits=1, user_api="blas"):
        for u in np.flatnonzero(c.getnnz(axis=1)):
            row = slice(c.indptr[u], c.indptr[u + 1])
            user[u] = factors.fold_in(c.indices[row], c.data[row])
    return factors


def _module(name: str) -> Any:
    """Import late, since pyspark is optional, and quietly: it warns of a pandas that it then does not use."""
    with catch_warnings():
        simplefilter("ignore")
        return importlib.import_module(name)
