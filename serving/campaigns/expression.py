"""Whom a campaign is for, as a condition that a marketer writes and no program runs.

::

    condition   = each {"or" each}
    each        = one {"and" one}
    one         = "not" one | "(" condition ")" | comparison
    comparison  = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value | field ["not"] "in" "(" value {"," value} ")"
    value       = number | word | "text in quotes"

The fields are those of `serving.campaigns.facts`; there are no functions, names or calls, so nothing can be reached
from here but the figures of customers. A figure that is not known (NaN) fits no comparison, `!=` included. What cannot
be understood is refused with the column it stands in.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.loyalty.rfm import Segment

Mask = npt.NDArray[np.bool_]

NUMBERS = (
    "recency_days",
    "frequency",
    "monetary",
    "gap_days",
    "alive",
    "orders_30",
    "orders_90",
    "value_90",
    "days_to_next_order",
    "due_within",
)
"""Fields that are compared with numbers."""
SEGMENT = "segment"
CATEGORY = "bought_category"
FIELDS = (SEGMENT, *NUMBERS, CATEGORY)
MAX_LENGTH = 2_000
MAX_DEPTH = 30

_COMPARISONS: Mapping[str, Callable[[npt.NDArray[np.float64], float], Mask]] = {
    "=": operator.eq,
    "!=": lambda column, value: np.isfinite(column) & (column != value),
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?![\w.])|(?P<word>[^\W\d]\w*)|(?P<text>"[^"]*"|'[^']*')"""
    r"""|(?P<sign><=|>=|!=|==|[=<>(),]))"""
)
_KEYWORDS = frozenset({"and", "or", "not", "in"})


class Facts(Protocol):
    """What is known of every user."""

    def number(self, field: str) -> npt.NDArray[np.float64]:
        """Return (n_users,) a figure, NaN where it is not known."""
        ...

    def segment(self) -> npt.NDArray[np.uint8]:
        """Return (n_users,) numbers of `Segment`."""
        ...

    def bought(self, category: str) -> Mask:
        """Return (n_users,) whether somebody bought in a category; `InvalidInput` if there is none of that name."""
        ...


class Condition(Protocol):
    """A condition that was understood."""

    def mask(self, facts: Facts) -> Mask:
        """Return (n_users,) who fits."""
        ...


@dataclass(frozen=True, slots=True)
class _Number:
    field: str
    sign: str
    value: float

    def mask(self, facts: Facts) -> Mask:
        return _COMPARISONS[self.sign](facts.number(self.field), self.value)


@dataclass(frozen=True, slots=True)
class _InSegment:
    segment: Segment

    def mask(self, facts: Facts) -> Mask:
        found: Mask = facts.segment() == self.segment
        return found


@dataclass(frozen=True, slots=True)
class _InCategory:
    category: str

    def mask(self, facts: Facts) -> Mask:
        return facts.bought(self.category)


@dataclass(frozen=True, slots=True)
class _Not:
    inner: Condition

    def mask(self, facts: Facts) -> Mask:
        return ~self.inner.mask(facts)


@dataclass(frozen=True, slots=True)
class _Joined:
    parts: tuple[Condition, ...]
    is_all: bool

    def mask(self, facts: Facts) -> Mask:
        join = np.logical_and if self.is_all else np.logical_or
        return reduce(join, (part.mask(facts) for part in self.parts))


class Token(NamedTuple):
    """A word, number, text or sign."""

    kind: str
    text: str
    column: int
    """From 1; a text's begins at its quotation mark."""


END = "end"


def parse(text: str) -> Condition:
    """Understand a condition.

    >>> import numpy as np
    >>> class Two:
    ...     def number(self, field): return np.array([5.0, np.nan])
    ...     def segment(self): return np.array([Segment.NEW, Segment.LOST])
    ...     def bought(self, category): return np.array([True, True])
    >>> parse('segment in ("new", lost) and recency_days < 10').mask(Two()).tolist()
    [True, False]

    Raises
    ------
    InvalidInput
        If it cannot be understood; the message shows where.
    """
    return _Parser(text).parsed()


class _Parser:
    """Goes over the tokens once; one method per line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > MAX_LENGTH:
            self._refuse(MAX_LENGTH, f"it is longer than {MAX_LENGTH:,} characters")
        self._tokens = list(self._tokenized())
        self._at = 0

    def parsed(self) -> Condition:
        found = self._either(0)
        if self._token.kind != END:
            self._refuse(self._token.column, f"{self._token.text!r} is not expected here; join conditions with and, or")
        return found

    def _either(self, depth: int) -> Condition:
        return self._joined(lambda: self._each(depth), "or", is_all=False)

    def _each(self, depth: int) -> Condition:
        return self._joined(lambda: self._one(depth), "and", is_all=True)

    def _joined(self, part: Callable[[], Condition], word: str, *, is_all: bool) -> Condition:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else _Joined(tuple(parts), is_all)

    def _one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            self._refuse(self._token.column, f"there are more than {MAX_DEPTH} conditions inside each other")
        if self._takes("not"):
            return _Not(self._one(depth + 1))
        if self._takes("("):
            found = self._either(depth + 1)
            self._expect(")")
            return found
        return self._comparison()

    def _comparison(self) -> Condition:
        field = self._next()
        if field.kind != "word" or field.text not in FIELDS:
            said = "a condition is missing" if field.kind == END else f"{field.text!r} is no field"
            self._refuse(field.column, f"{said}; there are {', '.join(FIELDS)}")
        is_not = self._takes("not")
        if self._takes("in"):
            found = self._listed(field.text)
            return _Not(found) if is_not else found
        sign = self._next()
        if is_not or (sign.text not in _COMPARISONS and sign.text != "=="):
            self._refuse(sign.column, f"after {field.text} stands one of {' '.join(_COMPARISONS)} or in (…)")
        return self._compared(field.text, sign._replace(text="=" if sign.text == "==" else sign.text), self._next())

    def _listed(self, field: str) -> Condition:
        self._expect("(")
        equal = Token("sign", "=", 0)
        values = [self._compared(field, equal, self._next())]
        while self._takes(","):
            values.append(self._compared(field, equal, self._next()))
        self._expect(")")
        return _Joined(tuple(values), is_all=False)

    def _compared(self, field: str, sign: Token, value: Token) -> Condition:
        if field in NUMBERS:
            if value.kind != "number":
                self._refuse(value.column, f"{field} is compared with a number, not with {value.text or 'nothing'!r}")
            return _Number(field, sign.text, float(value.text))
        if value.kind not in ("word", "text") or value.text in _KEYWORDS:
            self._refuse(value.column, f"{field} is compared with a name, such as {field} = {_EXAMPLES[field]}")
        if sign.text not in ("=", "!="):
            self._refuse(sign.column, f"{field} is a name: it can be = or != something, or in (…), not {sign.text}")
        found = self._named(field, value)
        return _Not(found) if sign.text == "!=" else found

    def _named(self, field: str, value: Token) -> Condition:
        name = value.text[1:-1] if value.kind == "text" else value.text
        if field == CATEGORY:
            return _InCategory(name)
        try:
            return _InSegment(Segment.parse(name))
        except InvalidInput as error:
            self._refuse(value.column, str(error))

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _takes(self, text: str) -> bool:
        """Go on if that is what stands here."""
        if self._token.kind in ("word", "sign") and self._token.text == text:
            self._next()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            self._refuse(self._token.column, f"{text!r} is missing")

    def _tokenized(self) -> Iterator[Token]:
        at, end = 0, len(self._text.rstrip())
        while at < end:
            found = _TOKEN.match(self._text, at)
            if found is None:
                column = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                rest = self._text[column]
                said = "a quotation mark is not closed" if rest in "\"'" else f"{rest!r} means nothing here"
                self._refuse(column + 1, said)
            kind = str(found.lastgroup)
            word = found[kind]
            yield Token(
                kind, word.lower() if kind == "word" and word.lower() in _KEYWORDS else word, found.start(kind) + 1
            )
            at = found.end()
        yield Token(END, "", end + 1)

    def _refuse(self, column: int, why: str) -> NoReturn:
        start = max(0, column - 60)
        shown = self._text[start : column + 20].replace("\n", " ").replace("\t", " ")
        raise InvalidInput(f"column {column}: {why}\n  {shown}\n  {' ' * (column - 1 - start)}^")


_EXAMPLES = {SEGMENT: '"at risk"', CATEGORY: '"Coffee"'}
