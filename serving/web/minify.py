r"""Make a script smaller without changing what it does: for our own scripts, whose style it relies on.

Comments and needless white space go, private members and variables become short (see `serving.web.short_names`), and so
do arrow functions of one parameter. Every statement must end with its semicolon, none may be empty, and a sign of
division must stand between spaces. Texts are kept to the letter, but for styles: a template literal that begins with
``@layer``.

>>> minified("const most = 3; // of them\n\nexport function least(number) {\n  return Math.min(most, number);\n}\n")
'const e=3;export function a(t){return Math.min(e,t)}'
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from serving.web.short_names import Role, roles_of, short_names
from serving.web.tokens import HOLE, Token, tokens_of


def minified(source: str) -> str:
    """Return `source` in less space."""
    tokens = tokens_of(source)
    roles = roles_of(tokens)
    names = short_names(tokens, roles)
    written: list[str] = []
    for token, role in zip(tokens, roles, strict=True):
        _write(written, _small(token, role, names), is_apart=token.is_apart)
    return "".join(written)


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
