"""The house keeps its shape: who may import whom, and no file or function that has outgrown its room."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("recommender", "training", "serving", "regulars")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

MAX_FILE_LINES = 400
MAX_BODY_LINES = 50

ALLOWED_IMPORTERS = {
    "implicit": ("training/backends/implicit_als.py",),
    "numba": ("training/backends/numba_als.py",),
    "pyspark": ("training/backends/spark_als.py",),
    "optuna": ("training/tuning/study.py",),
    "mlflow": ("training/mlflow_log.py",),
    "opentelemetry": ("serving/tracing.py",),
    "redis": ("serving/stores/", "serving/events/"),
}


def name_of(path: Path) -> str:
    """Where a source file lies in the repository."""
    return path.relative_to(ROOT).as_posix()


def imported_packages(tree: ast.AST) -> set[str]:
    """Top-level packages imported anywhere: in functions, under TYPE_CHECKING and by importlib too."""
    modules: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules += [alias.name for alias in names]
            case ast.ImportFrom(module=str(module)):
                modules.append(module)
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                modules.append(module)
    return {module.partition(".")[0] for module in modules}


def body_lengths(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and lines of each function's body, its docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            if body:
                yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_contracts_are_kept() -> None:
    """Every contract of import-linter in pyproject.toml holds."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("package", ALLOWED_IMPORTERS)
def test_library_is_imported_only_where_allowed(package: str) -> None:
    """Each of the heavy libraries stays behind the files that wrap it, however it is imported."""
    importers = [name_of(path) for path in SOURCES if package in imported_packages(ast.parse(path.read_bytes()))]
    strangers = [name for name in importers if not name.startswith(ALLOWED_IMPORTERS[package])]
    assert not strangers, f"{package} belongs in {ALLOWED_IMPORTERS[package]} only"


@pytest.mark.parametrize(
    "source",
    [
        "import redis.asyncio as r",
        "def f():\n    from redis import Redis",
        "import importlib\nimportlib.import_module('redis.asyncio')",
    ],
)
def test_hidden_imports_are_found(source: str) -> None:
    """An import inside a function or by name counts like one at the top of the file."""
    assert "redis" in imported_packages(ast.parse(source))


def test_files_stay_small() -> None:
    """A file that outgrows the limit holds two nouns: split it by concept."""
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_function_bodies_stay_small() -> None:
    """A body that outgrows the limit does two things: name the second."""
    bodies = {
        f"{name_of(path)}: {function}": lines
        for path in SOURCES
        for function, lines in body_lengths(ast.parse(path.read_bytes()))
    }
    assert {name: lines for name, lines in bodies.items() if lines > MAX_BODY_LINES} == {}


def test_tests_say_what_they_show() -> None:
    """Every test has a docstring of one sentence."""
    silent = [
        f"{name_of(path)}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
