"""Finds the proxy through which the kube9 server is asked: HTTPS_PROXY and NO_PROXY, as programs usually read them."""

import base64
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

DEFAULT_PORT = 80


class UnusableProxy(Exception):
    """The address of the proxy cannot be used. Its text does not have the address, which may have a password."""


class Proxy(NamedTuple):
    """A proxy of HTTP, which passes TLS on with CONNECT (RFC 9110, 9.3.6)."""

    host: str
    port: int
    headers: dict[str, str]
    """What the proxy wants to know. The server does not get them."""


def proxy_to(host: str, port: int) -> Proxy | None:
    """Returns the proxy to a server, by the environment; None if it is asked directly. Raises UnusableProxy."""
    proxies = getproxies_environment()
    url = proxies.get("https") or proxies.get("all")
    if not url or proxy_bypass(f"{host}:{port}", proxies):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        at = parts.port or DEFAULT_PORT
    except ValueError:
        raise UnusableProxy("HTTPS_PROXY is not an address") from None
    if parts.scheme != "http" or not parts.hostname:
        raise UnusableProxy("HTTPS_PROXY must begin with http:// and have the name of a host")
    return Proxy(parts.hostname, at, _headers(unquote(parts.username or ""), unquote(parts.password or "")))


def _headers(user: str, password: str) -> dict[str, str]:
    if not user:
        return {}
    return {"Proxy-Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
