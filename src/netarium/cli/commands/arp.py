"""`netarium arp`: the ARP cache; -a in BSD's style, -n as a table, --states as `ip neighbour` shows them."""

import argparse
from typing import Final

from netarium.cli import source
from netarium.inspect import arp

EPILOG: Final = (
    source.EPILOG
    + """
examples:
  netarium arp -a
  netarium arp --states             with the state of each entry (RFC 4861)
  netarium arp --demo"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("-a", "--all", action="store_true", help="one sentence for each (as without options)")
    parser.add_argument("-n", "--numeric", action="store_true", help="as a table")
    parser.add_argument("--states", action="store_true", help="as ip neighbour: with states")
    source.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the cache."""
    rows = source.tables(options).neighbors
    if options.states:
        lines = arp.neighbours(rows)
    elif options.numeric and not options.all:
        lines = arp.table(rows)
    else:
        lines = arp.bsd(rows)
    if lines:
        print("\n".join(lines))
    return 0
