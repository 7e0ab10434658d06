"""Ask for a url with the proxies and certificates of the environment, led on only to where it is as safe.

The standard library does all of it (proxies with a tunnel, the system's certificates, SSL_CERT_FILE), so that no
package stands between a user and a model; what is added here are names that other programs made usual.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import __version__
from .errors import SourceFailed, SourceRefused
from .index import is_web_address

CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
MACOS_CERTIFICATES = Path("/etc/ssl/cert.pem")  # Apple's; a Python from python.org comes without any
MAY_PASS = {408, 425, 429, 500, 502, 503, 504}  # a server that answers so may answer otherwise a little later
NETWORK_HINT = "Look whether the network is there. Behind a proxy, set HTTPS_PROXY."
CERTIFICATE_HINT = "Does a company's proxy look into connections? Set SSL_CERT_FILE to its certificate."
LOGIN_HINT = "The network may want a log-in first: open any page in a browser."


class Unreachable(SourceFailed):
    """There is no way to the server, or none just now."""


class Web:
    """`stall_s`: how long nothing may come before the connection is given up."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._opener: urllib.request.OpenerDirector | None = None

    def get(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The answer, its body still to be read; the status is 200, 206 or 416.

        Raises: SourceFailed where another try may help, SourceRefused where it will not.
        """
        if not is_web_address(url):
            raise SourceRefused(f"{url} is no address that Scumble fetches from.")
        fixed = {"User-Agent": f"scumble/{__version__}", "Accept-Encoding": "identity"}
        request = urllib.request.Request(url, headers={**fixed, **headers})
        try:
            self._opener = self._opener or _opener()
            return self._opener.open(request, timeout=self._stall_s)
        except urllib.error.HTTPError as error:
            if error.code == 416:
                return error  # pyright: ignore[reportReturnType]  # an answer like any other
            with error:
                raise _refusal(error, urlsplit(url).hostname or url) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _failure(error, request, url) from None


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https and nothing else: `file:` and the like have no handler."""
    proxies = urllib.request.getproxies()
    for scheme in ("https", "http"):
        if "all" in proxies:
            proxies.setdefault(scheme, proxies["all"])
        if proxies.get(scheme, "").startswith("socks"):
            raise SourceRefused(f"The proxy {proxies[scheme]} speaks SOCKS.", "Scumble needs one that speaks HTTP.")
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_context()),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _context() -> ssl.SSLContext:
    """The system's certificates, and those that the environment names."""
    context = ssl.create_default_context()
    if sys.platform == "darwin" and MACOS_CERTIFICATES.exists():
        context.load_verify_locations(MACOS_CERTIFICATES)
    for name in CERTIFICATES:
        place = os.environ.get(name)
        if not place:
            continue
        try:
            context.load_verify_locations(**{"capath" if Path(place).is_dir() else "cafile": place})
        except (OSError, ssl.SSLError) as error:
            raise SourceRefused(f"{name}={place} cannot be used: {error}.", f"Correct or unset {name}.") from None
    return context


class _Redirects(urllib.request.HTTPRedirectHandler):
    """From https only to https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        was, becomes = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if becomes != "https" and not (was == becomes == "http"):
            raise SourceRefused(f"{urlsplit(req.full_url).hostname} leads on to {newurl}, which is not safe.")
        # what is asked for is the same file: 308 is 307 that stays, unknown to Python 3.10
        return super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302


def _refusal(error: urllib.error.HTTPError, host: str) -> SourceFailed:
    what = f"{host} answers «{error.code} {error.reason}»".strip()
    if error.code in MAY_PASS:
        return SourceFailed(what, "Try again later.")
    if error.code == 407:
        return SourceRefused(what, "The proxy wants a name and a password: HTTPS_PROXY=http://name:password@host:port")
    return SourceRefused(what)


def _failure(error: Exception, request: urllib.request.Request, url: str) -> SourceFailed:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    host = urlsplit(url).hostname or url
    is_direct = request.host == urlsplit(url).netloc
    through = "" if is_direct else f" through the proxy {request.host}"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return SourceRefused(f"The certificate of {host} is not trusted: {reason.verify_message}", CERTIFICATE_HINT)
    if isinstance(reason, socket.gaierror):
        return Unreachable(f"{host if is_direct else request.host} is not known to the network", NETWORK_HINT)
    if isinstance(reason, TimeoutError):
        return SourceFailed(f"{host} does not answer{through}", NETWORK_HINT)
    if isinstance(reason, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
        return SourceFailed(f"{host} broke the connection off{through}", NETWORK_HINT)
    words = getattr(reason, "strerror", None) or reason
    return Unreachable(f"{host} cannot be reached{through}: {words}", NETWORK_HINT)
