"""`netarium plot`: the time-sequence graph, and cwnd, ssthresh and flight, of a connection in a trace or capture."""

import argparse
from pathlib import Path
from typing import Final

from netarium.base.errors import UsageError
from netarium.inspect import plot, timeseries
from netarium.inspect.timeseries import Sending

EPILOG: Final = """\
TRACE is what `netarium tour --trace` or a Recorder wrote, or a pcapng capture; a capture tells nothing of the
congestion window. Needs matplotlib: pip install 'netarium[plot]'.

sequence  each segment a bar from its first to its last number, between what
          is acknowledged and the edge of the receiver's window
cwnd      congestion window, slow start threshold, octets in flight

examples:
  netarium plot run.trace                        the connection that carried most, as run.svg
  netarium plot run.trace --list                 which connections there are
  netarium plot cap.pcapng --connection 2 --kind sequence --output cap.png"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("trace", type=Path, metavar="TRACE", help="a trace file, or a pcapng capture")
    add(
        "--connection", type=int, metavar="N", help="which one, as --list counts (default: what carried most)"
    )
    add("--kind", choices=plot.KINDS, default=plot.KINDS[-1], help="what to draw (both)")
    add("--output", type=Path, metavar="FILE", help="where to, as .svg, .png or .pdf (TRACE with .svg)")
    add("--list", action="store_true", help="list the connections, and draw nothing")


def run(options: argparse.Namespace) -> int:
    """Draw one."""
    sendings = timeseries.load(options.trace.read_bytes(), str(options.trace))
    if not sendings:
        raise UsageError(f"{options.trace}: no TCP connection in it has carried data")
    if options.list:
        for number, sending in enumerate(sendings, 1):
            print(f"{number:3}  {sending.where + ': ' if sending.where else ''}{sending}")
        return 0
    chosen = _choose(sendings, options.connection)
    output = options.output or options.trace.with_suffix(".svg")
    plot.draw(chosen, output, options.kind)
    print(f"{output}: {chosen}")
    return 0


def _choose(sendings: list[Sending], number: int | None) -> Sending:
    if number is None:
        return max(sendings, key=lambda sending: sending.octets)
    if not 1 <= number <= len(sendings):
        raise UsageError(f"--connection {number}: there are 1 to {len(sendings)} (see --list)")
    return sendings[number - 1]
