"""An address as it may stand in a file or a mail, which lie on no host: absolute, and of the web.

One function decides for exports, mails and links what an address is. Nothing is handed on as it stands: what is no
address of the form ``https://host[:port]/…`` is none at all, such as ``javascript:…``, ``data:…`` or one with a user
before its host, which people read as the host; the rest is written anew, so that no program reads another host out of
it than was read here.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote, urljoin

_ADDRESS = re.compile(
    r"([Hh][Tt][Tt][Pp][Ss]?)://(\w[\w.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?((?:[/?#].*)?)", re.DOTALL
)
"""Letters are listed, for without regard to case ſ is an s, and then no scheme that is known."""
MAX_PORT = 65_535
MAX_CHARACTERS = 2_048
"""Of an address as it is written anew; longer ones are cut off somewhere on their way, or refused by a mail tool."""
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_KEPT = "%/:?#[]@!$&'()*+,;=~"
"""What stays as it is in an address; everything else is percent-encoded."""
_NO_TEXT = frozenset({"Cc", "Cs"})
"""Control characters, and halves of characters, which cannot be encoded."""


class WebAddress(NamedTuple):
    """An absolute address."""

    scheme: str
    """http or https."""
    host: str
    """In small letters, with its port if that is not the usual one; other letters than ASCII stay as they are."""
    rest: str
    """Path, query and fragment, percent-encoded; empty for none."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.rest}"


def web_address_of(written: str, *, base: str | None = None) -> WebAddress | None:
    """Return what an address says; None if it is none that leads from anywhere to a page or a picture.

    Parameters
    ----------
    written
        As a catalogue has it.
    base
        The shop's home page, without a slash at its end: relative addresses begin with it; without one, they are none.
    """
    is_text = len(written) <= MAX_CHARACTERS and not any(unicodedata.category(sign) in _NO_TEXT for sign in written)
    written = written.strip() if is_text else ""
    found = _ADDRESS.fullmatch(_with_base(written, base)) if written else None
    if found is None:
        return None
    scheme, name, port, rest = found[1].lower(), found[2], found[3] or "", found[4]
    if int(port[1:] or 0) > MAX_PORT or (name.startswith("[") and not _is_ipv6(name[1:-1])):
        return None
    host = (name.lower() if name.isascii() else name) + port.removesuffix(_USUAL_PORTS[scheme])
    address = WebAddress(scheme, host, quote(rest, safe=_KEPT))
    return address if len(str(address)) <= MAX_CHARACTERS else None


def absolute(written: str, *, base: str | None = None) -> str:
    """Return an address that leads somewhere from a file or a mail; else nothing.

    >>> absolute("https://shop.example/Tee?a=ü"), absolute("/tea", base="https://shop.example/en")
    ('https://shop.example/Tee?a=%C3%BC', 'https://shop.example/tea')
    >>> [absolute(other) for other in ("javascript:alert(1)", "data:,x", "/tea", "https://shop.example@evil.example/")]
    ['', '', '', '']
    """
    found = web_address_of(written, base=base)
    return "" if found is None else str(found)


def _with_base(written: str, base: str | None) -> str:
    """Return an address with a host: relative ones are the shop's."""
    if base is None or _ADDRESS.match(written):
        return written
    try:
        return urljoin(f"{base}/", written)
    except ValueError:
        return ""


def _is_ipv6(name: str) -> bool:
    try:
        IPv6Address(name)
    except ValueError:
        return False
    return True
