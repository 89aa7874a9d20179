"""What the Spark backend does beyond the contract: say what is missing, and leave nothing behind."""

import importlib.machinery
import sys
import types
from pathlib import Path

import pytest

from recommender.errors import ConfigError, MissingExtra, RecommenderError
from training.backends import make_backend
from training.backends.spark_als import has_java, spark_session
from training.settings import AlsSettings

SPARK = AlsSettings(backend="spark", factors=2, iterations=1, spark_memory="512m")


def test_missing_pyspark_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyspark the message says what to install."""
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(MissingExtra, match=r"regulars\[spark\]"):
        make_backend(SPARK)


def test_missing_java_is_said_before_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Java the message says so at once, and names the way around it."""
    pyspark = types.ModuleType("pyspark")
    pyspark.__spec__ = importlib.machinery.ModuleSpec("pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark", pyspark)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="needs Java 17 or newer"):
        make_backend(SPARK)


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.skipif(not has_java(), reason="there is no Java to run Spark")
def test_failure_quotes_the_log(tmp_path: Path) -> None:
    """What Spark refuses becomes one message: the reason without a stack trace, and the end of its log."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: make setup-spark")
    with pytest.raises(RecommenderError, match="nowhere") as raised, spark_session(SPARK, tmp_path) as session:
        session.read.parquet(str(tmp_path / "nowhere"))
    assert "Its log ends:" in str(raised.value)
    assert "\tat " not in str(raised.value)
