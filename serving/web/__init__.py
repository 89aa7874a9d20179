"""The widget, as the bytes a browser gets.

The files lie beside this one and travel in the wheel. The widget is written as several ES modules and served as one:
`bundle` puts the modules it imports in front of it, and `minified` leaves comments and white space at home.
That is all the build there is, so what is read here is what runs.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

from serving.web.minify import minified

WIDGET = "widget.js"

_MEDIA_TYPES = {
    "js": "text/javascript; charset=utf-8",
}
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |let |function |async function |class )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str
    """Quoted, as the header wants it; a function of the content."""


@cache
def asset(name: str) -> Asset:
    """Read the file called `name`; the widget comes as one module.

    Raises
    ------
    FileNotFoundError
        If no such file lies beside this one.
    """
    text = bundle(name) if name == WIDGET else _read(name)
    content = text.encode("utf-8")
    return Asset(content, _MEDIA_TYPES[name.rpartition(".")[2]], etag_of(content))


@cache
def zipped(name: str) -> Asset:
    """Return the file called `name` as gzip writes it: another representation, with a tag of its own."""
    plain = asset(name)
    content = gzip.compress(plain.content, mtime=0)
    return Asset(content, plain.media_type, etag_of(content))


def bundle(name: str) -> str:
    """Return the ES module called `name` with all it imports from beside it written out before it, each module once.

    They share one scope then, so no two of them may use one name.
    """
    modules: dict[str, str] = {}
    _collect(name, modules)
    return minified("\n".join(modules.values()))


def _collect(name: str, modules: dict[str, str]) -> None:
    """Add a module behind those it imports."""
    source = _read(name)
    for imported in _IMPORT.findall(source):
        if imported not in modules:
            _collect(imported, modules)
    modules[name] = _EXPORT.sub("", _IMPORT.sub("", source))


def etag_of(content: bytes) -> str:
    """Return a strong entity tag for `content`."""
    return f'"{blake2b(content, digest_size=12).hexdigest()}"'


def _read(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
