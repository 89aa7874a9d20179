"""A damaged artifact is refused, whatever is wrong with it, and nothing in the format can run code."""

import ast
from pathlib import Path

import pytest

from benchmarks.faults import corrupted_artifacts, damage
from benchmarks.faults.shop import SMALL, Shop
from recommender.artifact import MANIFEST_FILE

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for name in ("recommender", "training", "serving", "regulars") for path in (ROOT / name).rglob("*.py")
)
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}


def test_damaged_artifacts_are_refused_and_the_old_version_serves(tmp_path: Path) -> None:
    """Each kind of damage several times: refused in our words with the place, in little time and memory."""
    effort = corrupted_artifacts.Effort(artifacts=6 * len(damage.DAMAGES), live=3)
    found = corrupted_artifacts.run(tmp_path, effort)
    assert found.accepted == []
    assert found.unnamed == []
    assert max(load["seconds"] for load in found.loads) < 20
    assert found.memory_mb < 64
    assert (found.live_refused, found.live_good) == (found.live_tried, found.live_asked)


def test_an_artifact_holds_arrays_and_one_manifest(tmp_path: Path) -> None:
    """There is no other kind of file in the format."""
    shop = Shop.build(tmp_path, SMALL)
    names = {path.name for path in (shop.artifacts / shop.versions[0]).iterdir()}
    assert {name for name in names if not name.endswith(".npy")} == {MANIFEST_FILE}
    for path in (shop.artifacts / shop.versions[0]).glob("*.npy"):
        assert path.read_bytes()[:8] == b"\x93NUMPY\x01\x00"


def unpickles(node: ast.AST) -> bool:
    """Whether a part of a program could run code from data."""
    match node:
        case ast.Import(names=names):
            return any(alias.name.partition(".")[0] in UNPICKLERS for alias in names)
        case ast.ImportFrom(module=str(module)):
            return module.partition(".")[0] in UNPICKLERS
        case ast.keyword(arg="allow_pickle", value=value):
            return not (isinstance(value, ast.Constant) and value.value is False)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="load"), keywords=keywords):
            return all(keyword.arg != "allow_pickle" for keyword in keywords)
    return False


def test_no_source_unpickles() -> None:
    """Nothing imports a module that runs code from data, and numpy is never allowed to."""
    found = {path.name for path in SOURCES for node in ast.walk(ast.parse(path.read_bytes())) if unpickles(node)}
    assert len(SOURCES) > 100
    assert found == set()


@pytest.mark.parametrize(
    "program",
    ["import pickle", "from joblib import load", "np.load(x, allow_pickle=True)", "np.load(x)", "f(allow_pickle=a)"],
)
def test_unpickling_is_found(program: str) -> None:
    """The check above can fail."""
    assert any(unpickles(node) for node in ast.walk(ast.parse(program)))
