"""`netarium bench serve`: echo, sink and source for measuring with any client of the kernel's."""

import argparse
from dataclasses import replace
from typing import Final

from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.profiles import profile
from netarium.cli import station
from netarium.drive.control import Control
from netarium.drive.host import Host
from netarium.drive.serve import serve_bench
from netarium.transport.tcp.congestion import ALGORITHMS

EPILOG: Final = """\
TCP port 5001 echoes, 5002 takes all and gives nothing, 5003 gives without end.

examples:
  netarium bench serve --device tap:nt0 --address 10.7.0.2/24 --peer 10.7.0.1/24
  curl -s telnet://10.7.0.2:5003 | head -c 10G | pv > /dev/null       from another terminal"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("action", choices=["serve"], help="what to do")
    default = TcpConfig().congestion_control
    parser.add_argument(
        "--congestion",
        choices=ALGORITHMS,
        default=default,
        help=f"congestion control of what is sent ({default})",
    )
    station.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    tcp = profile(options.profile) if options.profile else TcpConfig()
    config = MachineConfig(tcp=replace(tcp, congestion_control=options.congestion))
    with station.station(options, tap="nt0", config=config) as host, Control(host):
        serve_bench(host, on_ready=lambda: _announce(options, host))
    return 0


def _announce(options: argparse.Namespace, host: Host) -> None:
    """Say what runs, when it does."""
    print(f"{host.name} is {options.address}: echo 5001, sink 5002, source 5003; Ctrl-C ends it", flush=True)
    if text := station.hint(options, host):
        print(text, flush=True)
