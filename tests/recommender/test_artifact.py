"""Artifacts: what was saved is loaded, byte for byte, and nothing else ever is."""

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.artifact import MANIFEST_FILE, MAX_MANIFEST_BYTES, load_artifact, save_artifact
from recommender.codec import flatten
from recommender.confidence import Confidence
from recommender.errors import InvalidArtifact
from recommender.manifest import Manifest
from recommender.model import Model
from tests import models, planted
from tests.models import PROVENANCE

ARRAY = "popularity.trend.npy"
"""Any array of an artifact, for the tests that damage one."""


def contents(directory: Path) -> dict[str, bytes]:
    """Every file of a directory."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def assert_same_model(first: Model, second: Model) -> None:
    """Every array equal in value and type, every value equal."""
    arrays, values = flatten(first)
    other_arrays, other_values = flatten(second)
    assert values == other_values
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        assert array.dtype == other_arrays[name].dtype, name
        np.testing.assert_array_equal(array, other_arrays[name], err_msg=name)


@pytest.fixture(name="original", scope="module")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of the planted shop."""
    root = tmp_path_factory.mktemp("artifacts")
    return root / save_artifact(models.shop_model(), PROVENANCE, root).version


@pytest.fixture(name="saved")
def _saved(original: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return shutil.copytree(original, tmp_path / original.name)


def reseal(directory: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Alter the manifest and give it the version its content asks for: what a program with a bug could write."""
    content = json.loads((directory / MANIFEST_FILE).read_text())
    change(content)
    version = Manifest(**content)._expected_version()
    (directory / MANIFEST_FILE).write_text(Manifest(**{**content, "version": version}).to_json())
    return directory.rename(directory.with_name(version))


def checksum(path: Path) -> str:
    """SHA-256 of a file in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "train",
    [
        models.shop_model,
        models.hostile_model,
        *(pytest.param(lambda name=name: models.tiny_model(name), id=name) for name in planted.TINY),
        pytest.param(lambda: models.without_neighbours(models.shop_model()), id="no neighbours"),
    ],
)
def test_load_gives_back_what_was_saved(train: Callable[[], Model], tmp_path: Path) -> None:
    """Arrays, ids, texts and numbers survive, of the smallest and the strangest logs too."""
    model = train()
    manifest = save_artifact(model, PROVENANCE, tmp_path)
    artifact = load_artifact(tmp_path / manifest.version)
    assert artifact.manifest == manifest
    assert artifact.version == manifest.version
    assert artifact.model.users == model.users
    assert_same_model(artifact.model, model)


def test_infinite_half_life_survives(tmp_path: Path) -> None:
    """JSON has no infinity; a shop without decay still has its model back."""
    log = planted.checkerboard()
    settings = models.SETTINGS.model_copy(
        update={"confidence": models.SETTINGS.confidence.model_copy(update={"half_life_days": float("inf")})}
    )
    model = models.model_of(log, settings=settings)
    loaded = load_artifact(tmp_path / save_artifact(model, PROVENANCE, tmp_path).version).model
    assert loaded.confidence == Confidence(alpha=10.0, half_life_days=float("inf"))


def test_training_and_saving_are_deterministic(saved: Path, tmp_path: Path) -> None:
    """The same log trained twice gives the same version and the same bytes."""
    again = models.model_of(planted.shop().log, planted.shop().catalogue)
    manifest = save_artifact(again, PROVENANCE, tmp_path / "again")
    assert manifest.version == saved.name
    assert contents(tmp_path / "again" / manifest.version) == contents(saved)


def test_loaded_model_saves_to_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    """An artifact can be copied by loading and saving it."""
    artifact = load_artifact(saved)
    manifest = save_artifact(artifact.model, PROVENANCE, tmp_path / "copy")
    assert contents(tmp_path / "copy" / manifest.version) == contents(saved)


def test_other_provenance_is_another_version(saved: Path, tmp_path: Path) -> None:
    """The version covers what the manifest says, not only the arrays."""
    other = type(PROVENANCE)(data_fingerprint="another log")
    assert save_artifact(models.shop_model(), other, tmp_path).version != saved.name


def test_version_begins_with_the_day_of_the_data(saved: Path) -> None:
    """Versions sort by the end of the log they were trained on."""
    day = str(models.shop_model().as_of)[:10].replace("-", "")
    assert saved.name.startswith(f"{day}-")


def test_saving_twice_leaves_the_first_copy(saved: Path) -> None:
    """A process that serves the artifact is not disturbed, and nothing unfinished remains."""
    before = (saved / ARRAY).stat().st_ino
    save_artifact(models.shop_model(), PROVENANCE, saved.parent)
    assert (saved / ARRAY).stat().st_ino == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_saving_repairs_a_damaged_copy(saved: Path) -> None:
    """The advice "train again" works, although the version stays the same."""
    (saved / ARRAY).unlink()
    save_artifact(models.shop_model(), PROVENANCE, saved.parent)
    assert_same_model(load_artifact(saved).model, models.shop_model())
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_arrays_are_maps_of_the_files(saved: Path) -> None:
    """Processes share pages, and nobody can write into a model; empty arrays, which cannot be mapped, may differ."""
    arrays, _ = flatten(load_artifact(saved).model)
    mapped = {name for name, array in arrays.items() if isinstance(array.base, np.memmap)}
    assert mapped >= {"factors.item", "factors.user", "similar.item", "histories.decayed", "popularity.trend"}
    assert not any(arrays[name].flags.writeable for name in mapped)
    # The subclass would make every slice on the way to a slate ten times slower.
    assert all(type(array) is np.ndarray for array in arrays.values())


@given(st.data())
def test_any_flipped_byte_is_noticed(original: Path, data: st.DataObject) -> None:
    """Whichever byte of whichever file changes, loading refuses and names the file."""
    path = original / data.draw(st.sampled_from(sorted(path.name for path in original.iterdir())))
    intact = path.read_bytes()
    content = bytearray(intact)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        with pytest.raises(InvalidArtifact, match=path.name):
            load_artifact(original)
    finally:
        path.write_bytes(intact)


@pytest.mark.parametrize("name", [ARRAY, MANIFEST_FILE])
@pytest.mark.parametrize("keep", [0, 1, 100])
def test_truncated_file_is_refused(saved: Path, name: str, keep: int) -> None:
    """A copy that stopped half-way is not half a model, with or without checksums."""
    (saved / name).write_bytes((saved / name).read_bytes()[:keep])
    for verify in (True, False):
        with pytest.raises(InvalidArtifact, match=name):
            load_artifact(saved, verify=verify)


@pytest.mark.parametrize("name", [ARRAY, MANIFEST_FILE])
def test_missing_file_is_named(saved: Path, name: str) -> None:
    """The message says which file is not there."""
    (saved / name).unlink()
    with pytest.raises(InvalidArtifact, match=f"{name} (is missing|does not exist)"):
        load_artifact(saved)


def test_no_directory_is_no_artifact(tmp_path: Path) -> None:
    """A path to nothing, and a path to a file, are refused like any other."""
    (tmp_path / "file").touch()
    for name in ("nothing", "file"):
        with pytest.raises(InvalidArtifact, match=name):
            load_artifact(tmp_path / name)


def test_swapped_files_are_refused(saved: Path) -> None:
    """Two arrays of one shape and type in each other's place are still the wrong arrays."""
    first, second = saved / "popularity.total.npy", saved / "popularity.recent.npy"
    first.rename(saved / "aside")
    second.rename(first)
    (saved / "aside").rename(second)
    with pytest.raises(InvalidArtifact, match=r"popularity\.(total|recent)\.npy"):
        load_artifact(saved)


def test_directory_of_another_name_is_refused(saved: Path) -> None:
    """A version copied over another one's place does not pretend to be it."""
    moved = saved.rename(saved.with_name("20200101-000000000000"))
    with pytest.raises(InvalidArtifact, match=f"holds version {saved.name}"):
        load_artifact(moved)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "null",
        '"schema"',
        '{"schema": 4}',
        '{"schema": 4, "surprise": 2}',
        "[" * 100_000,
        '{"schema": NaN}',
        "\ufeff{}",
    ],
)
def test_what_is_no_manifest_is_refused(saved: Path, text: str) -> None:
    """Whatever lies in the manifest's place, the refusal is ours and names it."""
    (saved / MANIFEST_FILE).write_text(text)
    with pytest.raises(InvalidArtifact, match=MANIFEST_FILE):
        load_artifact(saved)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ndcg@10": 0.5', '"ndcg@10": 0.9'),
        ('"ndcg@10": 0.5', '"ndcg@10": NaN'),
        ('"ndcg@10": 0.5', '"ndcg@10": "\\ud800"'),
        ('"schema": 4', '"schema": 5'),
        ('"schema": 4', '"schema": 3'),
        ('"schema": 4', '"schema": true'),
        ('"data_fingerprint": "planted"', '"data_fingerprint": "better"'),
    ],
)
def test_altered_manifest_is_refused(saved: Path, old: str, new: str) -> None:
    """Figures cannot be improved afterwards, and another schema is not read as this one."""
    path = saved / MANIFEST_FILE
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InvalidArtifact, match=MANIFEST_FILE):
        load_artifact(saved)


def test_artifact_of_the_schema_before_is_read(saved: Path) -> None:
    """A version trained before there was an outlook can be rolled back to; it says nothing of the future."""
    for path in saved.glob("outlook.*"):
        path.unlink()

    def predate(content: dict[str, Any]) -> None:
        content["schema"] = 3
        del content["values"]["repeat.regularity"]
        content["checksums"] = {k: v for k, v in content["checksums"].items() if not k.startswith("outlook.")}

    model = load_artifact(reseal(saved, predate)).model
    assert len(model.outlook) == len(model.users)
    assert not model.outlook.is_known.any()
    assert np.isnat(model.outlook.next_order).all()


def test_huge_manifest_is_not_read(saved: Path) -> None:
    """A file without end does not fill the memory."""
    with (saved / MANIFEST_FILE).open("r+b") as file:
        file.truncate(MAX_MANIFEST_BYTES + 1)
    with pytest.raises(InvalidArtifact, match="larger than any manifest"):
        load_artifact(saved)


@pytest.mark.parametrize(
    "name", ["../outside.npy", "/etc/passwd", "..", ".npy", "a/b.npy", "A.npy", "x.npy\n", "x.pkl"]
)
def test_manifest_cannot_point_outside(saved: Path, name: str) -> None:
    """A sealed manifest that names anything but an array file beside it is refused before the file is opened."""
    moved = reseal(saved, lambda content: content["checksums"].update({name: "0" * 64}))
    with pytest.raises(InvalidArtifact, match="which is not an array file"):
        load_artifact(moved)


class Bomb:
    """Says so when it is unpickled."""

    exploded = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return (explode, ())


def explode() -> None:
    """Remember that a pickle was loaded."""
    Bomb.exploded = True


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("wrap", ["plain pickle", "pickled array", "archive"])
def test_no_pickle_is_ever_loaded(saved: Path, wrap: str, verify: bool) -> None:
    """Not even from an artifact whose checksums are right."""
    path = saved / ARRAY
    if wrap == "plain pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif wrap == "pickled array":
        with path.open("wb") as file:
            np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    else:
        with path.open("wb") as file:
            np.savez(file, a=np.zeros(3))
    moved = reseal(saved, lambda content: content["checksums"].update({ARRAY: checksum(path)}))
    with pytest.raises(InvalidArtifact, match=ARRAY):
        load_artifact(moved, verify=verify)
    assert not Bomb.exploded


def npy(header: str) -> bytes:
    """An array file of version 1.0 with any header."""
    encoded = header.encode("latin1")
    encoded += b" " * (-(len(encoded) + 10) % 64)
    return b"\x93NUMPY\x01\x00" + len(encoded).to_bytes(2, "little") + encoded + bytes(480)


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4, 4), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-5,), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (60,), }"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (5,), }"),
        npy("{'descr':"),
        npy("'''"),
        npy("(" * 20_000),
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b"{" * 1000,
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_array_that_is_none_is_refused(saved: Path, content: bytes) -> None:
    """Strange headers, even under a right checksum, end in our refusal: no crash, no gigabytes."""
    (saved / ARRAY).write_bytes(content)
    moved = reseal(saved, lambda manifest: manifest["checksums"].update({ARRAY: checksum(saved / ARRAY)}))
    with pytest.raises(InvalidArtifact):
        load_artifact(moved)


MISFITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no array": lambda content: content["checksums"].pop(ARRAY),
    "no number": lambda content: content["values"].pop("factors.regularization"),
    "a word for a number": lambda content: content["values"].update({"factors.regularization": "much"}),
    "nothing for a number": lambda content: content["values"].update({"factors.regularization": None}),
    "a list for a table": lambda content: content["values"].update({"confidence.event_weights": []}),
    "an unknown event": lambda content: content["values"].update({"confidence.event_weights": {"wish": 1.0}}),
    "no time": lambda content: content["values"].update({"as_of": "yesterday"}),
    "no table": lambda content: content.update(values=[]),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_manifest_that_does_not_fit_is_refused(saved: Path, misfit: str) -> None:
    """A sealed manifest with a part missing or of the wrong kind is a refusal that names the directory."""
    moved = reseal(saved, MISFITS[misfit])
    with pytest.raises(InvalidArtifact, match=moved.name):
        load_artifact(moved)


def test_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """When an array cannot be written, no directory has a version's name, and the error is the system's."""
    program = f"""
import resource, signal
from pathlib import Path
from recommender.artifact import save_artifact
from tests import models
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = models.tiny_model("one day")
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
try:
    save_artifact(model, models.PROVENANCE, Path({str(tmp_path)!r}))
except OSError as error:
    print(type(error).__name__)
"""
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True, env={"PYTHONPATH": "."}
    )
    assert run.stdout.strip() == "OSError"
    assert list(tmp_path.iterdir()) == []


def test_interrupted_saving_is_never_seen(tmp_path: Path) -> None:
    """While an artifact is being written nothing has a version's name; a killed process leaves a hidden folder."""
    program = f"""
import os, signal
from pathlib import Path
from recommender import artifact
from tests import models
model = models.tiny_model("one day")
real = os.fsync
def fsync(descriptor):
    real(descriptor)
    fsync.calls += 1
    if fsync.calls == 5:
        os.kill(os.getpid(), signal.SIGKILL)
fsync.calls = 0
os.fsync = fsync
artifact.save_artifact(model, models.PROVENANCE, Path({str(tmp_path)!r}))
"""
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], cwd=root, check=False, env={"PYTHONPATH": "."})
    assert run.returncode == -9
    assert [path.name.startswith(".unfinished-") for path in tmp_path.iterdir()] == [True]
    save_artifact(models.tiny_model("one day"), PROVENANCE, tmp_path)
    assert len([path for path in tmp_path.iterdir() if not path.name.startswith(".")]) == 1
