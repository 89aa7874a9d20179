"""The widget's looks as a stylesheet, for fragments: one source, `serving/web/widget.styles.js`.

What the widget sets on its element, a fragment sets on its section. The widget has buttons to scroll with and hides the
scroll bar; a fragment has none, and shows it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from serving import web

FILE = "widget.styles.js"

_CSS = re.compile(r"^(?:export )?const CSS = `(.*?)`;", re.MULTILINE | re.DOTALL)
_ELEMENT = re.compile(r"^regulars-shelf \{", re.MULTILINE)


@cache
def stylesheet() -> bytes:
    """Return the rules of the widget, for the sections of fragments."""
    found = _CSS.search(files(web.__name__).joinpath(FILE).read_text(encoding="utf-8"))
    assert found is not None, f"{FILE} holds the styles as one template literal"
    return (
        _ELEMENT.sub(".regulars-shelf {", found[1]).replace("scrollbar-width: none", "scrollbar-width: thin").encode()
    )
