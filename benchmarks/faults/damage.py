"""Ways to damage an artifact, drawn at random: what disks, copies, bugs and bad intentions do.

A *sealed* damage comes with a manifest that fits it, checksums and version included, as a program with a bug or
somebody who wants to do harm could write it; the others are what happens to a good artifact later.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recommender.artifact import MANIFEST_FILE
from recommender.manifest import Manifest, Provenance


@dataclass(frozen=True, slots=True)
class Damaged:
    """An artifact that must be refused."""

    directory: Path
    file: str | None
    """The file that a message must name; None where several, or the whole, are wrong."""


Damage = Callable[[Path, np.random.Generator], Damaged]


def bit_flip(directory: Path, rng: np.random.Generator) -> Damaged:
    """One bit of one file, the manifest as likely as any other, headers of arrays included."""
    file = _any_file(directory, rng)
    content = bytearray(file.read_bytes())
    end = min(len(content), 128) if rng.random() < 0.3 else len(content)
    content[rng.integers(end)] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)
    return Damaged(directory, file.name)


def flip_in_manifest(directory: Path, rng: np.random.Generator) -> Damaged:
    """One bit of the manifest."""
    file = directory / MANIFEST_FILE
    content = bytearray(file.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)
    return Damaged(directory, file.name)


def truncation(directory: Path, rng: np.random.Generator) -> Damaged:
    """A file that ends early, perhaps at its first byte."""
    file = _any_file(directory, rng)
    os.truncate(file, int(rng.integers(file.stat().st_size)))
    return Damaged(directory, file.name)


def appended(directory: Path, rng: np.random.Generator) -> Damaged:
    """A file that goes on; a hole of ten gigabytes costs nothing to make."""
    file = _any_file(directory, rng)
    if rng.random() < 0.5:
        os.truncate(file, 10 * 2**30)
    else:
        with file.open("ab") as target:
            target.write(rng.bytes(int(rng.integers(1, 5000))))
    return Damaged(directory, file.name)


def swapped(directory: Path, rng: np.random.Generator) -> Damaged:
    """Two arrays under each other's name."""
    first, second = _two_different(directory, rng)
    spare = directory / "spare"
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
    return Damaged(directory, None)


def missing(directory: Path, rng: np.random.Generator) -> Damaged:
    """A file that is not there."""
    file = _any_file(directory, rng)
    file.unlink()
    return Damaged(directory, file.name)


def extra(directory: Path, rng: np.random.Generator) -> Damaged:
    """A file that nobody listed."""
    name = str(rng.choice(["extra.npy", "model.pkl", "sitecustomize.py", ".hidden", "manifest.json.bak"]))
    (directory / name).write_bytes(pickle.dumps({"n": 1}))
    return Damaged(directory, name)


def linked(directory: Path, rng: np.random.Generator) -> Damaged:
    """A file that lies elsewhere: its content may change without anybody's notice."""
    file = _any_file(directory, rng)
    elsewhere = directory.parent / f"elsewhere-{directory.name}-{file.name}"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    return Damaged(directory, file.name)


def no_file(directory: Path, rng: np.random.Generator) -> Damaged:
    """A folder, a pipe that never ends, a device or a link to itself where a file should be."""
    file = _any_file(directory, rng)
    file.unlink()
    match int(rng.integers(4)):
        case 0:
            file.mkdir()
        case 1:
            os.mkfifo(file)
        case 2:
            file.symlink_to("/dev/zero")
        case _:
            file.symlink_to(file.name)
    return Damaged(directory, file.name)


def other_schema(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed manifest of another schema."""
    schema: Any = [0, 1, 2, -3, 99, 3.5, "3", None, True, [], {}][int(rng.integers(11))]
    return _sealed(directory, lambda content: content.update(schema=schema), file=MANIFEST_FILE)


def huge_header(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed array that claims to be far larger than its file, or whose header is no header."""
    shapes = ["(1000000000000,)", "(1000000000000, 64)", "(4611686018427387904, 4)", "(-1,)", "(2, -5)", "(9,) * 10**9"]
    dtype = rng.choice(["<f4", "<f8", "<i4", "<M8[s]", "|O", "|V1000000000", "<U1000000000"])
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {rng.choice(shapes)}, }}"
    file = _any_array(directory, rng)
    file.write_bytes(_npy(header, version=int(rng.integers(1, 4)), lie=rng.random() < 0.3) + rng.bytes(500))
    return _sealed(directory, _with_checksum(file), file=file.name)


def pickled(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed file that is a pickle, an array of objects or an archive under an array's name."""
    file = _any_array(directory, rng)
    with file.open("wb") as target:
        match int(rng.integers(3)):
            case 0:
                pickle.dump(np.arange(3), target)
            case 1:
                np.save(target, np.array([{"n": 1}], dtype=object), allow_pickle=True)
            case _:
                np.savez(target, a=np.zeros(3))
    return _sealed(directory, _with_checksum(file), file=file.name)


def wrong_type(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed array of another type than its field has."""
    file = _any_array(directory, rng)
    array = np.load(file, allow_pickle=False)
    other = np.float16 if array.dtype != np.float16 else np.int8
    np.save(file, np.zeros(array.shape, dtype=other), allow_pickle=False)
    return _sealed(directory, _with_checksum(file), file=None)


def wrong_length(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed array of users, items or pairs with a row too few."""
    names = ["factors.user.npy", "factors.item.npy", "similar.item.npy", "similar.indptr.npy", "catalogue.price.npy"]
    file = directory / str(rng.choice(names))
    np.save(file, np.load(file, allow_pickle=False)[:-1], allow_pickle=False)
    return _sealed(directory, _with_checksum(file), file=None)


def wrong_value(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed manifest in which a value of the model is of another kind, or gone."""
    replacement: Any = [None, "much", [], {"a": 1}, ["1"]][int(rng.integers(5))]

    def change(content: dict[str, Any]) -> None:
        optional = {"variety.category_cap"} if replacement is None else set()
        values = content["values"].items()
        names = sorted(name for name, value in values if type(value) is not type(replacement) and name not in optional)
        name = names[int(rng.integers(len(names)))]
        if rng.random() < 0.3:
            del content["values"][name]
        else:
            content["values"][name] = replacement

    return _sealed(directory, change, file=None)


def outside(directory: Path, rng: np.random.Generator) -> Damaged:
    """A sealed manifest that names a file elsewhere."""
    names = ["../x.npy", "/etc/hostname", "a/b.npy", "..", "x.pkl", "X.npy", "", "x.npy\x00"]
    name = names[int(rng.integers(len(names)))]
    return _sealed(directory, lambda content: content["checksums"].update({name: "0" * 64}), file=MANIFEST_FILE)


def no_manifest(directory: Path, rng: np.random.Generator) -> Damaged:
    """A manifest that is something else: nothing, deep brackets, another document, not text."""
    contents = [b"", b"[" * 100_000, b"{}", b"null", b"3", b"\xff\xfe", b'{"schema": 3}', b"{" * 20, rng.bytes(300)]
    (directory / MANIFEST_FILE).write_bytes(contents[int(rng.integers(len(contents)))])
    return Damaged(directory, MANIFEST_FILE)


DAMAGES: Mapping[str, Damage] = {
    "bit flip": bit_flip,
    "bit flip in the manifest": flip_in_manifest,
    "truncated": truncation,
    "appended": appended,
    "swapped files": swapped,
    "missing file": missing,
    "extra file": extra,
    "link": linked,
    "no file": no_file,
    "other schema": other_schema,
    "huge header": huge_header,
    "pickle": pickled,
    "wrong type": wrong_type,
    "wrong length": wrong_length,
    "wrong value": wrong_value,
    "names outside": outside,
    "no manifest": no_manifest,
}


def _any_file(directory: Path, rng: np.random.Generator) -> Path:
    files = sorted(path for path in directory.iterdir() if path.stat().st_size)
    return files[int(rng.integers(len(files)))]


def _any_array(directory: Path, rng: np.random.Generator) -> Path:
    files = sorted(directory.glob("*.npy"))
    return files[int(rng.integers(len(files)))]


def _two_different(directory: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """Return two arrays with different bytes: swapping equal ones is no damage."""
    files = sorted(directory.glob("*.npy"))
    while True:
        first, second = (files[int(number)] for number in rng.choice(len(files), 2, replace=False))
        if first.read_bytes() != second.read_bytes():
            return first, second


def _with_checksum(file: Path) -> Callable[[dict[str, Any]], None]:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return lambda content: content["checksums"].update({file.name: digest})


def _sealed(directory: Path, change: Callable[[dict[str, Any]], None], *, file: str | None) -> Damaged:
    """Change the manifest, seal it anew, and name the directory after its new version."""
    content = json.loads((directory / MANIFEST_FILE).read_text(encoding="utf-8"))
    change(content)
    names = [field.name for field in dataclasses.fields(Provenance)]
    sealed = Manifest.seal(
        Provenance(**{name: content[name] for name in names if name in content}),
        as_of=content["as_of"],
        values=content["values"],
        checksums=content["checksums"],
    )
    if content["schema"] != sealed.schema:
        sealed = dataclasses.replace(sealed, schema=content["schema"])
    (directory / MANIFEST_FILE).write_text(sealed.to_json(), encoding="utf-8")
    return Damaged(directory.rename(directory.with_name(sealed.version)), file)


def _npy(header: str, *, version: int, lie: bool) -> bytes:
    """Return an array file up to its data; a lie is a header that says it is two gigabytes long."""
    encoded = header.encode("latin1") + b" " * 20 + b"\n"
    size = 2 if version == 1 else 4
    length = (2 ** (8 * size - 1) - 1) if lie else len(encoded)
    return b"\x93NUMPY" + bytes([version, 0]) + length.to_bytes(size, "little") + encoded
