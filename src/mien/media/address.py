"""Addresses of streams and pictures, as messages and records may name them."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(\w{2,}:/{1,2})(.*)", re.DOTALL)  # a Path keeps one slash of two
_SECRET = re.compile(
    r"(?i)(?<![^/?&;])(user(?:name)?|usr|login|pass(?:word|wd)?|pwd|token|api_?key|key|secret|auth)=[^/&;#\s]*"
)


def is_address(name: str) -> bool:
    """Tell whether a name is an address, not a path."""
    return _ADDRESS.match(name) is not None


def without_secrets(name: str) -> str:
    """Return an address without user, password and secret arguments; other names as they are."""
    found = _ADDRESS.match(name)
    if found is None:
        return name
    scheme, rest = found.groups()
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        rest = host.rpartition("@")[2] + rest[len(host) :]
    elif "@" in rest and re.search(r"^[^\[]*:(?!\d*$)", host):  # no port: the beginning of a password with a slash
        rest = rest.rpartition("@")[2]
    return scheme + _SECRET.sub(r"\1=...", rest)
