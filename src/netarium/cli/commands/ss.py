"""`netarium ss`: -t -u -a -l -n -o -p -i as iproute2 has them."""

import argparse
from typing import Final

from netarium.cli import source
from netarium.inspect import ss

EPILOG: Final = (
    source.EPILOG
    + """
examples:
  netarium ss -tanoi                every TCP socket with timers and its inside
  netarium ss -lun                  UDP servers
  netarium ss --demo -tanoi         a simulated browser's"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("-t", "--tcp", action="store_true", help="TCP")
    add("-u", "--udp", action="store_true", help="UDP")
    add("-a", "--all", action="store_true", help="servers, too")
    add("-l", "--listening", action="store_true", help="servers only")
    add("-n", "--numeric", action="store_true", help="ports as numbers (always so)")
    add("-o", "--options", action="store_true", help="with timers")
    add("-p", "--processes", action="store_true", help="with processes")
    add("-i", "--info", action="store_true", help="with the inside of TCP connections")
    source.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print what was asked for."""
    tables = source.tables(options)
    kinds = source.kinds(options)
    rows = [row for row in tables.sockets if not kinds or row.kind in kinds]
    lines = ss.sockets(
        rows,
        every=options.all,
        listening=options.listening,
        timers=options.options,
        processes=options.processes,
        details=options.info,
        netid=len(kinds) != 1,
    )
    print("\n".join(lines))
    return 0
