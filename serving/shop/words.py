"""Full-text search over some ten thousand short texts, in memory.

Each word of a query must occur in a text, or begin a word of it. Texts are ranked in steps, best first:

==== ===================================================================
rank the worst of the query's words is …
==== ===================================================================
0    a word of the title
1    the beginning of a word of the title
2    a word, or the beginning of one, of the place (category, department)
==== ===================================================================

Within a step the caller's order holds, which is what sells best. Words are compared without case, accents and the
English plural. A word outside ASCII is found by any part of it, since 空心菜 has no spaces.
"""

from __future__ import annotations

import bisect
import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

MAX_QUERY_CHARACTERS = 100
MAX_WORDS = 8
MAX_PART = 12
"""Characters of a word outside ASCII; what comes after them is not searched."""
NO_MATCH = 3
MAX_SUGGESTIONS = 3
SIMILAR = 0.75
"""Twice the letters in common, over the letters of both words."""

Ranks = npt.NDArray[np.int8]


class Words:
    """An index of texts. Immutable."""

    def __init__(self, *, titles: Sequence[str], places: Sequence[str]) -> None:
        self._size = len(titles)
        self._titles = _Postings(titles)
        self._places = _Postings(places)

    def ranks(self, query: str) -> Ranks:
        """Return (n_texts,) the rank of each text, `NO_MATCH` for those without every word of the query."""
        words = words_of(query[:MAX_QUERY_CHARACTERS])[:MAX_WORDS]
        ranks = np.full(self._size, 0 if words else NO_MATCH, np.int8)
        for word in words:
            np.maximum(ranks, self._of_word(word), out=ranks)
        return ranks

    def suggestions(self, query: str) -> list[str]:
        """Return queries that find something instead of one that does not; none if there are none.

        Words nobody uses are replaced by similar ones, or left out; if no text has all of what remains, as many words
        are left out as must be.
        """
        words = words_of(query[:MAX_QUERY_CHARACTERS])[:MAX_WORDS]
        used = [word if self._is_used(word) else self._nearest(word) for word in words]
        ranks = {word: self._of_word(word) for word in used if word}
        for n_words in range(len(ranks), 0, -1):
            fitting = [some for some in combinations(ranks, n_words) if _any_fits([ranks[word] for word in some])]
            if fitting:
                return [" ".join(some) for some in fitting[:MAX_SUGGESTIONS]]
        return []

    def _of_word(self, word: str) -> Ranks:
        ranks = np.full(self._size, NO_MATCH, np.int8)
        ranks[self._places.beginning_with(word)] = 2
        ranks[self._titles.beginning_with(word)] = 1
        ranks[self._titles.exactly(word)] = 0
        return ranks

    def _is_used(self, word: str) -> bool:
        return bool(len(self._titles.beginning_with(word)) or len(self._places.beginning_with(word)))

    def _nearest(self, word: str) -> str:
        if any(char.isdecimal() for char in word):
            return ""
        known = [*self._titles.words, *self._places.words]
        found = difflib.get_close_matches(word, known, n=3, cutoff=SIMILAR)
        # Of four letters, three in common are enough if the order slipped: "mlik" means milk, but "cafe" no case.
        return next((each for each in found if len(word) > 4 or _is_slip(word, each)), "")


class _Postings:
    """Which texts hold which word, the words sorted, so that those with one beginning lie together."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts_of: dict[str, list[int]] = {}
        for number, text in enumerate(texts):
            for word in dict.fromkeys(part for whole in words_of(text) for part in _parts(whole)):
                texts_of.setdefault(word, []).append(number)
        self.words = sorted(texts_of)
        self._entries = np.fromiter((n for word in self.words for n in texts_of[word]), np.int32)
        self._ends = np.cumsum([0, *(len(texts_of[word]) for word in self.words)])

    def exactly(self, word: str) -> npt.NDArray[np.int32]:
        """Return the texts that hold `word`."""
        at = bisect.bisect_left(self.words, word)
        end = at + (at < len(self.words) and self.words[at] == word)
        return self._entries[self._ends[at] : self._ends[end]]

    def beginning_with(self, start: str) -> npt.NDArray[np.int32]:
        """Return the texts that hold a word with this beginning; one may come twice."""
        first = bisect.bisect_left(self.words, start)
        last = bisect.bisect_left(self.words, start + "\U0010ffff")
        return self._entries[self._ends[first] : self._ends[last]]


def _any_fits(ranks: Sequence[Ranks]) -> bool:
    return bool((np.maximum.reduce(ranks) < NO_MATCH).any())


def _is_slip(typed: str, word: str) -> bool:
    """Say whether a letter is missing, is too many, or two are swapped; another letter is another word."""
    return len(typed) != len(word) or sorted(typed) == sorted(word)


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared.

    >>> words_of("Crème Brûlée, 4 Cherries & Tomatoes")
    ['creme', 'brulee', '4', 'cherry', 'tomato']
    """
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return [_singular(word) for word in re.findall(r"[^\W_]+", bare)]


def _singular(word: str) -> str:
    for plural, singular in (("ies", "y"), ("oes", "o"), ("ss", "ss"), ("s", "")):
        if len(word) > len(plural) + 2 and word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word


def _parts(word: str) -> list[str]:
    """Return what a word is found by: itself, and outside ASCII each of its endings."""
    return [word] if word.isascii() else [word[start : start + MAX_PART] for start in range(min(len(word), MAX_PART))]
