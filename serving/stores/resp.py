"""Commands as they travel to Redis."""

from __future__ import annotations


def encode(*words: str | bytes | int) -> bytes:
    r"""Return one command.

    >>> encode("GET", "空")
    b'*2\r\n$3\r\nGET\r\n$3\r\n\xe7\xa9\xba\r\n'
    """
    return b"*%d\r\n" % len(words) + b"".join(map(bulk, words))


def bulk(word: str | bytes | int) -> bytes:
    r"""Return one word of a command.

    >>> bulk("GET")
    b'$3\r\nGET\r\n'
    """
    encoded = word if isinstance(word, bytes) else str(word).encode()
    return b"$%d\r\n%b\r\n" % (len(encoded), encoded)
