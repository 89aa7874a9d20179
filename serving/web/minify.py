r"""Make a script smaller without changing what it does: for our own scripts, whose style it relies on.

Comments and needless white space go, private members and variables become short (see `serving.web.short_names`), and so
do arrow functions of one parameter; a declaration goes on where another of its kind follows. Every statement must end
with its semicolon, none may be empty, and a sign of division must stand between spaces. Texts are kept to the letter,
but for styles: a template literal that begins with ``@layer``.

>>> minified("const most = 3; // of them\n\nexport function least(number) {\n  return Math.min(most, number);\n}\n")
'const e=3;export function a(t){return Math.min(e,t)}'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from serving.web.short_names import Role, roles_of, short_names
from serving.web.tokens import HOLE, Token, tokens_of

_DECLARES = frozenset({"const", "let"})
_OPENS, _CLOSES = frozenset("([{"), frozenset(")]}")


def minified(source: str) -> str:
    """Return `source` in less space."""
    tokens = tokens_of(source)
    roles = roles_of(tokens)
    names = short_names(tokens, roles)
    written: list[str] = []
    follows = _following_declarations(tokens)
    for at, (token, role) in enumerate(zip(tokens, roles, strict=True)):
        if at in follows:
            written[-1] = ","
        else:
            _write(written, _small(token, role, names), is_apart=token.is_apart)
    return "".join(written)


def _following_declarations(tokens: Sequence[Token]) -> set[int]:
    """Return where a `const` or `let` stands right behind a declaration of its kind."""
    found: set[int] = set()
    begun, before = [""], ";"
    """The word that began the statement under way, within each bracket that is open."""
    for at, (_, text, _) in enumerate(tokens):
        if text in _DECLARES and before == ";" and text == begun[-1]:
            found.add(at)
        elif before in {";", "{", "}"} and (before != "}" or text in _DECLARES):
            begun[-1] = text
        if text in _OPENS:
            begun.append("")
        elif text in _CLOSES:
            begun.pop()
        before = text
    return found


def _write(written: list[str], text: str, *, is_apart: bool) -> None:
    """Add a token behind what was written, without what the sign makes needless."""
    if text in ("}", ")", "]") and written[-1] == ",":
        written.pop()
    if text == "}" and written[-1] == ";":
        written.pop()
    if text == "=>" and _is_one_parameter(written):
        written[-3:] = [written[-2]]
    if is_apart and written and _is_needed(written[-1][-1], text[0]):
        written.append(" ")
    written.append(text)


def _is_one_parameter(written: list[str]) -> bool:
    """Say whether one word in parentheses was written last, and no word before them that would melt with it."""
    before, opening, word, closing = ["", "", "", "", *written][-4:]
    return (opening, closing) == ("(", ")") and _is_word(word) and not _is_word(before[-1:])


def _is_word(text: str) -> bool:
    return bool(re.fullmatch(r"[\w$]+", text))


def _small(token: Token, role: Role, names: Mapping[str, str]) -> str:
    if token.kind == "styles":
        return _small_styles(token.text)
    if token.kind == "text" and token.text[0] == "`":
        return HOLE.sub(lambda hole: f"${{{_small_hole(hole[1], names)}}}", token.text)
    return names.get(token.text, token.text) if role is Role.VARIABLE or token.text[0] == "#" else token.text


def _small_hole(source: str, names: Mapping[str, str]) -> str:
    written: list[str] = []
    tokens = tokens_of(source)
    for token, role in zip(tokens, roles_of(tokens), strict=True):
        _write(written, _small(token, role, names), is_apart=token.is_apart)
    return "".join(written)


def _small_styles(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s*([{};,>])\s*", r"\1", text)
    return re.sub(r":\s+", ":", text).replace(";}", "}")


def _is_needed(before: str, after: str) -> bool:
    """Say whether tokens would melt together without the space between them."""
    return bool(re.match(r"[\w$]", before) and re.match(r"[\w$#]", after)) or (before in "+-" and after in "+-")
