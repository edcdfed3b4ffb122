"""`netarium netstat`: -a -n -o -p -l as net-tools has them, -r routes, -s statistics."""

import argparse
from typing import Final

from netarium.cli import source
from netarium.inspect import netstat

EPILOG: Final = (
    source.EPILOG
    + """
examples:
  netarium netstat -ano             every socket, with timers and processes
  netarium netstat -r               the routing table
  netarium netstat -s               all counters
  netarium netstat --demo           a simulated browser in the middle of a download"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("-a", "--all", action="store_true", help="servers, too")
    add("-l", "--listening", action="store_true", help="servers only")
    add("-n", "--numeric", action="store_true", help="addresses and ports as numbers (always so)")
    add("-o", "--timers", action="store_true", help="with timers")
    add("-p", "--programs", action="store_true", help="with PID and program (always with -o)")
    add("-t", "--tcp", action="store_true", help="only TCP (with -u: both)")
    add("-u", "--udp", action="store_true", help="only UDP (with -t: both)")
    add("-r", "--route", action="store_true", help="the routing table")
    add("-s", "--statistics", action="store_true", help="every counter")
    source.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print what was asked for; without options what -ano shows."""
    tables = source.tables(options)
    if options.route:
        lines = netstat.routes(tables.routes)
    elif options.statistics:
        lines = netstat.statistics(tables.counters)
    else:
        plain = not (options.all or options.listening or options.timers or options.programs)
        kinds = source.kinds(options)
        lines = netstat.sockets(
            [row for row in tables.sockets if not kinds or row.kind in kinds],
            every=options.all or plain,
            listening=options.listening,
            timers=options.timers or plain,
            programs=options.programs or options.timers or plain,
        )
    print("\n".join(lines))
    return 0
