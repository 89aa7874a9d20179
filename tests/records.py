"""Records of the store that say something wrong, and say it with the right checksum."""

import zlib

from serving.stores.packed import HEADER

_COUNTS = HEADER.size - 4


def sealed(record: bytes) -> bytes:
    """Return a record whose checksum fits the rest of it."""
    counts, body = record[:_COUNTS], record[HEADER.size :]
    return counts + zlib.crc32(body, zlib.crc32(counts)).to_bytes(4, "little") + body
