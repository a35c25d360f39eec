"""The options that say which store is asked, and about which clusters."""

from __future__ import annotations

import os

from kube9_cli.arguments import UsageError, invalid

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

URL, HEADERS_FILE, CA_FILE = "KUBE9_STORE", "KUBE9_STORE_HEADERS_FILE", "KUBE9_STORE_CA_FILE"
"""The environment variables."""
SCHEMES = ("http", "https")


class Place(NamedTuple):
    """A store, and the clusters that are asked about."""

    url: str
    headers_file: str
    """'' for none."""
    ca_file: str
    """'' for the authorities that the machine trusts."""
    clusters: tuple[str, ...]
    """Names or uids, which may be patterns. () for all."""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help="ask a VictoriaLogs to which operators send their events, in place of a database (default: the environment "
        f"variable {URL})",
    )
    parser.add_argument(
        "--cluster",
        metavar="NAME[,...]",
        action="append",
        help="with --store: only these clusters, by name or uid; * stands for any characters (default: all)",
    )
    parser.add_argument(
        "--store-headers",
        metavar="FILE",
        help="with --store: a file with headers of the requests, such as a token, one `Name: value` on a line (default: the "
        f"environment variable {HEADERS_FILE})",
    )
    parser.add_argument(
        "--store-ca",
        metavar="FILE",
        help="with --store: a file with certificates of the authorities that are trusted (default: the environment variable "
        f"{CA_FILE}, then those of the machine)",
    )


def check(given: argparse.Namespace) -> Place | None:
    """The store that the options or the environment name; None for a database. Raises UsageError."""
    url = given.store if given.store is not None or given.db is not None else os.environ.get(URL)
    if given.store is not None and given.db is not None:
        raise UsageError("Argument --db: not allowed with --store", "give one of them")
    if not url:
        if given.store is not None:
            raise invalid("--store", given.store, "it must be a URL, such as https://logs.example.com:9428")
        for option in ("cluster", "store_headers", "store_ca"):
            if getattr(given, option) is not None:
                flag = "--" + option.replace("_", "-")
                raise UsageError(f"Argument {flag}: not allowed without --store", f"--store or {URL} says which store is asked")
        return None
    if not given.central:
        command = f"{given.command} {getattr(given, 'action', '')}".strip()
        option = "leave out --store" if given.store is not None else f"unset {URL}, or give --db"
        raise UsageError(f"{command} needs the local database", f"a store has events only; {option}")
    named = [name.strip() for each in given.cluster or () for name in each.split(",")]
    if "" in named or not all(name.isprintable() for name in named):
        raise invalid("--cluster", ",".join(given.cluster), "it must be one or more names of clusters")
    headers = _file(given.store_headers, "--store-headers", HEADERS_FILE)
    return Place(
        _checked(url, "--store" if given.store else URL), headers, _file(given.store_ca, "--store-ca", CA_FILE), tuple(named)
    )


def _file(asked: str | None, option: str, variable: str) -> str:
    if asked is not None and not asked.strip():
        raise invalid(option, asked, "it must be a file")
    return asked or os.environ.get(variable, "")


def _checked(url: str, option: str) -> str:
    """The URL without a slash at its end. Its parts are looked at without urllib, whose import takes 6 ms."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    example = "such as https://logs.example.com:9428"
    if scheme not in SCHEMES or not host or not url.isprintable() or any(one in url for one in "?# \\"):
        raise invalid(option, _without_password(url), f"it must be the URL of a VictoriaLogs, {example}")
    if "@" in host:
        details = (
            f"a password in a URL is seen by other users of the machine; put it into the file of --store-headers: {example}"
        )
        raise invalid(option, _without_password(url), details)
    port = host.rpartition("]")[2].partition(":")[2] if "]" in host else host.partition(":")[2]
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise invalid(option, url, f"it has no port from 1 to 65535; it must be a URL, {example}")
    return f"{scheme}://{host}{slash}{path}".rstrip("/")


def _without_password(url: str) -> str:
    """The URL as an error may show it."""
    before, at, rest = url.rpartition("@")
    return f"{before.partition('://')[0]}://…@{rest}" if at else url
