"""`netarium lsof -i`: which process holds which socket."""

import argparse
from typing import Final

from netarium.base.errors import UsageError
from netarium.cli import source
from netarium.inspect import lsof

EPILOG: Final = (
    source.EPILOG
    + """
examples:
  netarium lsof -i                  every socket that a process holds
  netarium lsof -i :80              those with port 80
  netarium lsof -i --demo --host web"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("-i", dest="internet", nargs="?", const="", metavar="[tcp|udp][:PORT]", help="only such sockets")
    add("-n", action="store_true", help="addresses as numbers (always so)")
    add("-P", dest="ports", action="store_true", help="ports as numbers (always so)")
    source.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the sockets."""
    kind, _, port = (options.internet or "").lower().partition(":")
    if kind not in {"", "tcp", "udp"} or not (port == "" or port.isdecimal()):
        raise UsageError(f"-i {options.internet}: write it like -i, -i tcp, -i :80 or -i udp:53")
    rows = [
        row
        for row in source.tables(options).sockets
        if (not kind or row.kind == kind) and (not port or int(port) in {row.local[1], row.remote[1]})
    ]
    print("\n".join(lsof.sockets(rows)))
    return 0
