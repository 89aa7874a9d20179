"""What is installed is what is written: packages, extras, locks and the version agree with one another."""

import ast
import re
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
ROOT_PACKAGES = ("recommender", "regulars", "serving", "training")
SUPPORTED_PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("linux", "darwin")


def pyproject() -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: Iterable[str]) -> set[str]:
    """Normalised names of requirements."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def pins(lock: str) -> set[str]:
    """Every pinned name, one line each, with version and marker but without hashes and comments."""
    lines = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8").splitlines()
    return {line.removesuffix("\\").strip() for line in lines if re.match(r"[a-z0-9]", line)}


def pinned_versions(lock: str, python: str, platform: str) -> dict[str, str]:
    """Which version of each package a lock installs on one Python and platform."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "platform_system": platform.capitalize(),
        "os_name": "posix",
    }
    return {
        canonicalize_name(pin.name): str(pin.specifier)
        for pin in map(Requirement, pins(lock))
        if pin.marker is None or pin.marker.evaluate(environment)
    }


def test_every_package_on_disk_is_listed() -> None:
    """A new subpackage is installed only if pyproject.toml names it, so the list equals the disk."""
    on_disk = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for package in ROOT_PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert sorted(on_disk) == pyproject()["tool"]["setuptools"]["packages"]


@pytest.mark.parametrize("package", ROOT_PACKAGES)
def test_types_are_shipped(package: str) -> None:
    """Every import package tells type checkers that it is typed, and installs the file that says so."""
    assert (ROOT / package / "py.typed").is_file()
    assert "py.typed" in pyproject()["tool"]["setuptools"]["package-data"][package]


def test_every_data_file_is_installed() -> None:
    """A template, script or style sheet beside the code matches a pattern of package-data."""
    patterns = pyproject()["tool"]["setuptools"]["package-data"]
    forgotten = [
        path.relative_to(ROOT).as_posix()
        for package in ROOT_PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__"
        if not is_installed(path.relative_to(ROOT), patterns)
    ]
    assert forgotten == []


def is_installed(path: Path, patterns: dict[str, list[str]]) -> bool:
    """Whether a pattern of the package that holds the file, or of one above it, matches."""
    return any(
        path.match((Path(*package.split(".")) / pattern).as_posix())
        for package, globs in patterns.items()
        for pattern in globs
    )


def test_the_distribution_cannot_be_uploaded() -> None:
    """The import packages have plain names, so the distribution is an application and says so."""
    assert "Private :: Do Not Upload" in pyproject()["project"]["classifiers"]


def test_version_has_one_source() -> None:
    """The installed version is the one in pyproject.toml, and no module repeats it."""
    assert metadata.version("regulars") == pyproject()["project"]["version"]
    literals = [
        path.relative_to(ROOT).as_posix()
        for package in ROOT_PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and any(isinstance(target, ast.Name) and target.id == "__version__" for target in node.targets)
    ]
    assert literals == []


def test_command_is_installed() -> None:
    """`regulars` on the command line is the entry point of pyproject.toml."""
    (command,) = metadata.entry_points(group="console_scripts", name="regulars")
    assert command.value == pyproject()["project"]["scripts"]["regulars"]


def test_every_promised_extra_exists() -> None:
    """The extras that the README and the error messages name are the ones there are."""
    extras = ["demo", "dev", "fast", "mlflow", "otel", "spark", "tune"]
    assert sorted(pyproject()["project"]["optional-dependencies"]) == extras


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("demo", ("demo",)), ("dev", ("demo", "tune", "mlflow", "otel", "dev"))],
    ids=["demo", "dev"],
)
def test_lock_covers_what_is_required(lock: str, extras: tuple[str, ...]) -> None:
    """A lock holds every requirement of the project and of its extras: `make lock` renews it."""
    tables = pyproject()
    required = names(tables["project"]["dependencies"] + tables["dependency-groups"]["build"])
    for extra in extras:
        required |= names(tables["project"]["optional-dependencies"][extra])
    assert required - names(pins(lock)) == set()


def test_spark_is_locked_apart() -> None:
    """The Spark backend is large, so it has a lock of its own and stays out of the others."""
    spark = pyproject()["project"]["optional-dependencies"]["spark"]
    source = (ROOT / "requirements" / "spark.in").read_text(encoding="utf-8").splitlines()
    assert [line for line in source if not line.startswith("#")] == spark
    assert "pyspark" in names(pins("spark"))
    assert "pyspark" not in names(pins("dev"))


@pytest.mark.parametrize("extra", ["tune", "mlflow", "otel"])
def test_small_extras_are_locked_by_themselves(extra: str) -> None:
    """`make tune` and `make setup-mlflow` add one extra to the demo's set-up: its lock holds what the extra names."""
    required = pyproject()["project"]["optional-dependencies"][extra]
    source = (ROOT / "requirements" / f"{extra}.in").read_text(encoding="utf-8").splitlines()
    assert [line for line in source if not line.startswith("#")] == required
    assert names(required) <= names(pins(extra))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_names_no_registry_or_path(lock: Path) -> None:
    """A lock works with anyone's registry: it holds names, versions and hashes, no address and no path."""
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|file:|--(extra-)?index-url|--find-links|--trusted-host|[\s@]/", text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_pins_by_hash(lock: Path) -> None:
    """Every entry of a lock is one exact version with at least one hash."""
    entries = re.split(r"\n(?=[a-z0-9])", "\n" + lock.read_text(encoding="utf-8"))[1:]
    loose = [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
    assert entries
    assert loose == []


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
@pytest.mark.parametrize("lock", ["demo", "spark", "tune", "mlflow", "otel"])
def test_locks_agree(lock: str, python: str, platform: str) -> None:
    """What contributors test is what users run: a version in another lock is the one in dev.lock."""
    tested = pinned_versions("dev", python, platform)
    other = pinned_versions(lock, python, platform)
    assert {name: version for name, version in other.items() if tested.get(name, version) != version} == {}
