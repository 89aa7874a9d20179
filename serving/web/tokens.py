"""A script as the words and signs it is made of; comments are gone, and where space stood is remembered."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<styles> `@layer [^`]* ` )
    | (?P<text> "(?:\\.|[^"\\])*" | `(?:\\.|[^`\\])*`
        | (?<![\w$)\]])/(?![*/\ ])(?:\\.|\[(?:\\.|[^\]])*\]|[^/\[])+/[a-z]* )
    | (?P<comment> /\*.*?\*/ | //[^\n]* )
    | (?P<space> \s+ )
    | (?P<word> \#?[\w$]+ )
    | (?P<sign> => | \.\.\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)
HOLE = re.compile(r"\$\{([^}]*)\}")
"""Where a template literal is filled in."""


class Token(NamedTuple):
    """A word, a sign or a text of a script."""

    kind: str
    text: str
    is_apart: bool
    """Whether there was space before it."""


def tokens_of(source: str) -> list[Token]:
    """Take a script apart."""
    tokens, is_apart = [], False
    for found in _TOKEN.finditer(source):
        kind, text = found.lastgroup or "", found[0]
        if kind in ("space", "comment"):
            is_apart = True
        else:
            tokens.append(Token(kind, text, is_apart))
            is_apart = False
    return tokens


def tokens_in_holes(token: Token) -> list[Token]:
    """Take apart what fills in a template literal; nothing for any other token."""
    if token.kind != "text" or token.text[0] != "`":
        return []
    return [inner for hole in HOLE.findall(token.text) for inner in tokens_of(hole)]
