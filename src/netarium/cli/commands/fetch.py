"""`netarium fetch URL`: the browser on a TAP: urllib, unmodified, over this stack."""

import argparse
import socket
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from netarium.base.errors import UsageError
from netarium.cli import station
from netarium.drive.host import Host
from netarium.patching import patched

_CHUNK: Final = 1 << 20
_PATIENCE: Final = 30.0

EPILOG: Final = """\
examples:
  netarium fetch http://10.7.0.1:8000/ --tap nt0 --address 10.7.0.2/24 --peer 10.7.0.1/24
  netarium fetch http://example.com/ --device packet:eth0 --address 192.0.2.77/24 --gateway 192.0.2.1 \\
      --nameserver 192.0.2.1 --output page.html"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("url", metavar="URL", help="http://...")
    parser.add_argument("--tap", metavar="NAME", default="nt0", help="of the TAP (default: nt0)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write it here (default: standard output)"
    )
    parser.add_argument(
        "--timeout", type=float, default=_PATIENCE, metavar="S", help="of each wait, s (default: %(default)g)"
    )
    station.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Fetch the URL."""
    if not options.timeout > 0:
        raise UsageError(f"--timeout {options.timeout:g}: a wait takes more than 0 s")
    if not _can_be_fetched(options.url):
        raise UsageError(f"{options.url}: only http:// can be fetched; write it like http://10.7.0.1:8000/")
    with station.station(options, tap=options.tap, name="browser") as host:
        if options.output is None:
            _fetch(host, options.url, options.timeout, sys.stdout.buffer)
        else:
            with options.output.open("wb") as file:
                _fetch(host, options.url, options.timeout, file)
    return 0


def _can_be_fetched(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, a bracket without its other one
        return False


def _fetch(host: Host, url: str, timeout: float, file: BinaryIO) -> None:
    """Copy the document.

    Raises:
        OSError: told by what stopped it, and not by its wrapping in urllib.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with host, patched(), opener.open(url, timeout=timeout) as response:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
        file.flush()
    except urllib.error.HTTPError as fault:
        raise OSError(f"{url}: {fault.code} {fault.reason}") from None
    except urllib.error.URLError as fault:
        raise OSError(f"{url}: {_why(fault.reason, host)}") from None
    except HTTPException as fault:  # not a URL that could be asked for, or an answer that is none
        raise OSError(f"{url}: {fault or type(fault).__name__}") from None


def _why(reason: BaseException | str, host: Host) -> str:
    """What stopped it, and what to do about names."""
    words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
    if not isinstance(reason, socket.gaierror):
        return words
    if not host.resolver.config.servers:
        return f"{words}: name a DNS server with --nameserver, or write the address"
    return f"{words}: look at the name, and at --nameserver"
