r"""Make a script smaller without changing what it does: for our own scripts, whose style it relies on.

Comments and needless white space go; private members become short, and so do names that the script declares and uses
as nothing but variables: never behind a dot, before a colon, or where an object or a pattern might name a property.
Every statement must end with its semicolon, and a sign of division must stand between spaces. Texts are kept to the
letter, but for styles: a template literal that begins with ``@layer``.

>>> minified("const most = 3; // of them\n\nexport function least(number) {\n  return Math.min(most, number);\n}\n")
'const a=3;export function b(number){return Math.min(a,number);}'
"""

from __future__ import annotations

import re
from itertools import count, pairwise
from string import ascii_lowercase
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<styles> `@layer [^`]* ` )
    | (?P<text> "(?:\\.|[^"\\])*" | `(?:\\.|[^`\\])*`
        | (?<![\w$)\]])/(?![*/\ ])(?:\\.|\[(?:\\.|[^\]])*\]|[^/\[])+/[a-z]* )
    | (?P<comment> /\*.*?\*/ | //[^\n]* )
    | (?P<space> \s+ )
    | (?P<word> \#?[\w$]+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"#?[\w$]+")
_HOLE = re.compile(r"\$\{[^}]*\}")
"""Where a template literal is filled in."""
_DECLARING = frozenset({"const", "let", "function", "class"})
_RESERVED = frozenset({"as", "do", "if", "in", "is", "of"})


class _Token(NamedTuple):
    kind: str
    text: str
    is_apart: bool
    """Whether there was space before it."""


def minified(source: str) -> str:
    """Return `source` in less space."""
    tokens = _tokens(source)
    names = _short_names(tokens)
    written: list[str] = []
    for token in tokens:
        text = _small(token, names)
        if text in ("}", ")", "]") and written[-1] == ",":
            written.pop()
        if token.is_apart and written and _is_needed(written[-1][-1], text[0]):
            written.append(" ")
        written.append(text)
    return "".join(written)


def _tokens(source: str) -> list[_Token]:
    tokens, is_apart = [], False
    for found in _TOKEN.finditer(source):
        kind, text = found.lastgroup or "", found[0]
        if kind in ("space", "comment"):
            is_apart = True
        else:
            tokens.append(_Token(kind, text, is_apart))
            is_apart = False
    return tokens


def _short_names(tokens: list[_Token]) -> dict[str, str]:
    """Return the new names of private members, and of variables that can be nothing else."""
    private = dict.fromkeys(token.text for token in tokens if token.kind == "word" and token.text[0] == "#")
    declared = dict.fromkeys(
        after.text for before, after in pairwise(tokens) if before.text in _DECLARING and after.kind == "word"
    )
    taken = {word for token in tokens for word in _WORD.findall(token.text)}
    free = (name for name in map(_letters, count()) if name not in taken and name not in _RESERVED)
    short = {name: f"#{_letters(n)}" for n, name in enumerate(private)}
    doubtful = _maybe_properties(tokens)
    return short | {name: next(free) for name in declared if name not in doubtful}


def _maybe_properties(tokens: list[_Token]) -> set[str]:
    """Return all that stands where the name of a property might stand."""
    found = {after.text for before, after in pairwise(tokens) if before.text == "."}
    found |= {before.text for before, after in pairwise(tokens) if after.text == ":"}
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if before.text in ("{", ",", "}") and after.text in (",", "}", "=", "("):
            found.add(token.text)
    holes = (hole for token in tokens if token.kind == "text" for hole in _HOLE.findall(token.text))
    return found | {name for hole in holes for name in re.findall(r"\.([\w$]+)", hole)}


def _letters(number: int) -> str:
    """Return a, b, … z, ba, bb, …"""
    rest, last = divmod(number, len(ascii_lowercase))
    return (_letters(rest) if rest else "") + ascii_lowercase[last]


def _small(token: _Token, names: dict[str, str]) -> str:
    if token.kind == "styles":
        return _small_styles(token.text)
    if token.kind == "text":
        return _HOLE.sub(lambda hole: _WORD.sub(lambda word: names.get(word[0], word[0]), hole[0]), token.text)
    return names.get(token.text, token.text)


def _small_styles(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s*([{};,])\s*", r"\1", text)
    return re.sub(r":\s+", ":", text).replace(";}", "}")


def _is_needed(before: str, after: str) -> bool:
    """Say whether tokens would melt together without the space between them."""
    return bool(re.match(r"[\w$]", before) and re.match(r"[\w$#]", after)) or (before in "+-" and after in "+-")
