"""The widget, as the bytes a browser gets.

The files lie beside this one and travel in the wheel. The widget is written as several ES modules and served as one:
`bundle` puts the modules it imports in front of it and leaves the comments at home. That is all the build there is,
so what is read here is what runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

WIDGET = "widget.js"

_MEDIA_TYPES = {
    "js": "text/javascript; charset=utf-8",
}
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |function |class )", re.MULTILINE)
_COMMENT = re.compile(r"^ *\/\*\*.*?\*\/\n", re.MULTILINE | re.DOTALL)


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


def bundle(name: str) -> str:
    """Return the ES module called `name` with the modules beside it that it imports written out before it."""
    source = _read(name)
    imported = [_EXPORT.sub("", _read(module)) for module in _IMPORT.findall(source)]
    return _COMMENT.sub("", "\n".join([*imported, _IMPORT.sub("", source).lstrip()]))


def etag_of(content: bytes) -> str:
    """Return a strong entity tag for `content`."""
    return f'"{blake2b(content, digest_size=12).hexdigest()}"'


def _read(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
