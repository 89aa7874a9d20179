"""The bill of materials and the locks are read by other people's tools as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

from tests.pages import make_targets
from tests.test_packaging import LOCKS, ROOT, names, pins


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `make sbom` writes."""
    run = subprocess.run(["make", "--dry-run", "sbom"], cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = [line for line in run.stdout.splitlines() if "cyclonedx-py" in line]
    words, out = line.split(), tmp_path_factory.mktemp("sbom") / "sbom.json"
    words[0] = str(Path(sys.executable).with_name("cyclonedx-py"))
    words[words.index("dist/regulars.cdx.json")] = str(out)
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(out.read_bytes())
    return found


def test_the_sbom_names_every_pin(sbom: dict[str, Any]) -> None:
    """Each package of the lock is a component with its version, address in PyPI's namespace and hashes."""
    assert "sbom" in make_targets()
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", "regulars")
    components = {canonicalize_name(part["name"]): part for part in sbom["components"]}
    assert components.keys() == names(pins("demo"))
    for name, part in components.items():
        assert part["purl"].startswith(f"pkg:pypi/{name}@{part['version']}"), name
        assert all(reference["hashes"] for reference in part["externalReferences"]), name


def test_the_sbom_holds_nothing_of_this_machine(sbom: dict[str, Any]) -> None:
    """It is the same wherever it is made: no path, no time, no random number."""
    assert str(ROOT) not in json.dumps(sbom)
    assert "timestamp" not in sbom["metadata"]
    assert "serialNumber" not in sbom


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_is_ready_for_an_audit(lock: Path) -> None:
    """pip-audit's own parser reads each line: one exact version with hashes, no option, nothing left over."""
    parsed = RequirementsFile.from_file(str(lock))
    assert not parsed.invalid_lines
    assert not parsed.options
    assert len(parsed.requirements) == len(pins(lock.stem))
    for requirement in parsed.requirements:
        assert requirement.is_pinned, requirement.line
        assert requirement.hash_options, requirement.line
        assert not requirement.is_url, requirement.line
