"""Short names for what no page can see: the private members of a script, its variables and their parameters.

A word is a *variable* where it stands by itself, a *property* behind a dot or where an object or a class names one, and
both at once in a shorthand, as in ``{ width }``. What never stands in a shorthand is renamed wherever it is a variable.
The more often a name is used, the earlier it may choose.

This reads the language as our own scripts write it: parameters stand in parentheses, a default is a single word or an
empty object or list, and there are no labels and no ``switch``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from itertools import count, pairwise

from serving.web.tokens import Token, tokens_in_holes


class Role(Enum):
    """What a word is, where it stands."""

    VARIABLE = auto()
    PROPERTY = auto()
    SHORTHAND = auto()


_DECLARING = frozenset({"const", "let", "function", "class"})
_ASKING = frozenset({"if", "for", "while"})
"""Words whose parentheses hold no parameters."""
_MODIFIERS = frozenset({"get", "set", "static", "async"})
_BEFORE_BLOCKS = frozenset({")", ";", "{", "}", "=>", "else", "try", "catch", "finally"})
_LETTERS = "etaoinsrlcduhmpgbfywvkxjqz"
"""The most frequent first: what is compressed afterwards should hold few letters often."""
_RESERVED = frozenset({"as", "do", "if", "in", "is", "of"})


def roles_of(tokens: Sequence[Token]) -> list[Role]:
    """Return what each token would be as a word; for signs and texts it means nothing."""
    roles: list[Role] = []
    inside: list[str] = ["block"]
    is_class_next = False
    for number, token in enumerate(tokens):
        before = tokens[number - 1].text if number else ";"
        after = tokens[number + 1].text if number + 1 < len(tokens) else ";"
        roles.append(_role(inside[-1], before, after))
        is_class_next |= token.text == "class"
        if _is_sign(token, "{"):
            inside.append("class" if is_class_next else "block" if before in _BEFORE_BLOCKS else "object")
            is_class_next = False
        elif _is_sign(token, "(["):
            inside.append("list")
        elif _is_sign(token, ")]}"):
            inside.pop()
    return roles


def _role(inside: str, before: str, after: str) -> Role:
    if before == ".":
        return Role.PROPERTY
    if inside == "class" and before in {"{", "}", ";", *_MODIFIERS}:
        return Role.PROPERTY
    if inside == "object" and before in {"{", ",", *_MODIFIERS}:
        return Role.SHORTHAND if after in (",", "}", "=") else Role.PROPERTY
    return Role.VARIABLE


def short_names(tokens: Sequence[Token], roles: Sequence[Role]) -> dict[str, str]:
    """Return the new names of private members, and of the variables that can have one."""
    words = [token.text for token, role in zip(tokens, roles, strict=True) if _is_variable(token, role)]
    words += [inner.text for token in tokens for inner in tokens_in_holes(token) if inner.kind == "word"]
    private = [token.text for token in tokens if token.kind == "word" and token.text[0] == "#"]
    shared = {token.text for token, role in zip(tokens, roles, strict=True) if role is Role.SHORTHAND}
    declared = set(_declared(tokens, roles)) - shared
    taken = {*words, *(token.text for token in tokens), *_RESERVED}
    free = (name for name in map(_letters, count()) if name not in taken)
    short = {name: f"#{_letters(n)}" for n, (name, _) in enumerate(Counter(private).most_common())}
    return short | {name: next(free) for name, _ in Counter(words).most_common() if name in declared}


def _declared(tokens: Sequence[Token], roles: Sequence[Role]) -> Iterator[str]:
    """Yield the names of variables, functions, classes and parameters."""
    for number, (before, token) in enumerate(pairwise(tokens), start=1):
        if before.text in _DECLARING and token.kind == "word":
            yield token.text
        elif _is_sign(token, "([{"):
            end = _end(tokens, number)
            if before.text in _DECLARING or _holds_parameters(before, token, tokens[end + 1 : end + 2]):
                yield from _bound(tokens[number:end], roles[number:end])


def _holds_parameters(before: Token, token: Token, after: Sequence[Token]) -> bool:
    return token.text == "(" and before.text not in _ASKING and bool(after) and after[0].text in ("=>", "{")


def _bound(tokens: Sequence[Token], roles: Sequence[Role]) -> Iterator[str]:
    """Yield the names that a pattern or a list of parameters binds."""
    for before, token, role in zip(tokens, tokens[1:], roles[1:], strict=False):
        if _is_variable(token, role) and before.text != "=":
            yield token.text


def _end(tokens: Sequence[Token], start: int) -> int:
    """Return where the bracket that opens at `start` closes."""
    depth = 0
    for number in range(start, len(tokens)):
        depth += _is_sign(tokens[number], "([{") - _is_sign(tokens[number], ")]}")
        if not depth:
            return number
    raise ValueError(f"the bracket {tokens[start].text} at token {start} of the script is never closed")


def _is_variable(token: Token, role: Role) -> bool:
    return token.kind == "word" and role is Role.VARIABLE


def _is_sign(token: Token, signs: str) -> bool:
    return token.kind == "sign" and token.text in signs


def _letters(number: int) -> str:
    """Return e, t, a, … z, te, tt, …"""
    rest, last = divmod(number, len(_LETTERS))
    return (_letters(rest) if rest else "") + _LETTERS[last]
