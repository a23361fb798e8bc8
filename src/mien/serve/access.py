"""Who is answered, and with which headers."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from mien.errors import InputError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer. The page loads everything from this server and sends its pixels nowhere else."""

TOKEN_WANTED = (
    "the token is missing or wrong; send the header 'Authorization: Bearer TOKEN' with the token that `mien serve` was "
    "started with."
)

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#*\sA-Z]+")  # as browsers write it
_DEFAULT_PORT = re.compile(r"(http://.+):(?:0*80)?|(https://.+):(?:0*443)?")

_FORWARDED = ("forwarded", "via", "x-real-ip")  # and all that begin with X-Forwarded-

_bearer = HTTPBearer(auto_error=False, description="Only where the server was started with a token.")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def _forwarding(request: Request) -> str | None:
    """Return the header that shows that a proxy forwarded the request; None if no proxy did."""
    names = request.headers.keys()
    return next((name for name in names if name in _FORWARDED or name.startswith("x-forwarded-")), None)


def _named(request: Request) -> str:
    """Return the host that a request names; empty if it names none or a malformed one."""
    host = request.headers.get("host")
    try:  # `request.url` has the server's own address where the header is malformed
        return (request.url.hostname if host is None else urlsplit(f"//{host}").hostname) or ""
    except ValueError:
        return ""


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers of the answer to a request.

    Browsers obey the opener policy on https and on this machine only, and warn about it elsewhere. What a proxy says
    about https is used for nothing else.
    """
    proxied = _forwarding(request) is not None
    encrypted = "https" in (request.scope["scheme"], request.headers.get("x-forwarded-proto", "").lower())
    if encrypted or (not proxied and is_loopback(_named(request))):
        return HEADERS | {"Cross-Origin-Opener-Policy": "same-origin"}
    return HEADERS


def check_local(request: Request) -> str | None:
    """Return why a request to a server without a token is refused, None where it is not.

    The sender's address keeps other machines out, however the server was started. What a proxy on this machine forwards
    has the proxy's address, so it is recognised by its headers. The host name keeps out web sites whose name resolves
    to this machine. The origin, which browsers add to whatever a page sends to another site, keeps out all other pages.
    """
    if forwarding := _forwarding(request):
        why = f"a proxy forwarded this request, as its header {forwarding.title()!r} says"
        return f"this server has no token and answers on this machine only, but {why}; start it with a token."
    named = _named(request)
    is_from_here = request.client is None or is_loopback(request.client.host)
    if not (is_from_here and is_loopback(named)):
        return f"this server has no token and answers on this machine only, not as {named!r}; start it with a token."
    origin = request.headers.get("origin")
    if origin not in (None, f"{request.url.scheme}://{request.url.netloc}"):
        remedy = "start it with a token, and with --allow-origin for that page"
        return f"this server has no token and answers its own page only, not {origin!r}; {remedy}."
    return None


def check_origins(origins: Sequence[str], token: str | None) -> None:
    """Make sure that the origins of other web pages are well-formed, and that their requests need a token.

    Raises:
        InputError: an origin is malformed, or there is no token.
    """
    if isinstance(origins, str):
        raise InputError(f"allow_origins: is text; expected a list, [{origins!r}].")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            expected = "a scheme, host and port in lower case, without a path, such as http://localhost:3000"
            raise InputError(f"origin {origin!r}: expected {expected}.")
        if match := _DEFAULT_PORT.fullmatch(origin):
            raise InputError(f"origin {origin!r}: browsers leave that port out; write {match[1] or match[2]!r}.")
    if origins and token is None:
        raise InputError("pages of other origins must send a token; give one.")


def check_token(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Ask for the token where the server has one.

    Raises:
        HTTPException: 401, it is missing or wrong.
    """
    token: str | None = request.app.state.token
    if token is None:
        return
    sent = b"" if given is None else given.credentials.encode("latin-1")  # the header's own bytes
    # curl sends characters beyond ASCII in UTF-8, browsers in Latin-1, if that has them
    codes = ("utf-8", "latin-1") if max(token) < "\u0100" else ("utf-8",)
    if not any(hmac.compare_digest(sent, token.encode(code, "surrogateescape")) for code in codes):
        raise HTTPException(401, TOKEN_WANTED, {"WWW-Authenticate": "Bearer"})
