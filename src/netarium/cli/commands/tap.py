"""`netarium tap`: a machine on a TAP that answers ping and serves a directory, until Ctrl-C."""

import argparse
import threading
import time
from typing import Final

from netarium.cli import station
from netarium.drive.control import Control
from netarium.drive.host import Host
from netarium.drive.serve import serve_directory

EPILOG: Final = """\
Making a TAP needs the capability CAP_NET_ADMIN: run it as root, or in a network of its own with unshare -Urn.

examples:
  netarium tap --name nt0 --address 10.7.0.2/24 --peer 10.7.0.1/24 --serve .
  curl http://10.7.0.2/ ; ping 10.7.0.2         from another terminal: the kernel is the peer
  netarium netstat -ano ; netarium ss -tanoi    the tables of that machine
  netarium tap --device packet:eth0 --address 192.0.2.77/24 --gateway 192.0.2.1"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument(
        "--name", metavar="NAME", default="nt0", help="of the TAP, and of the machine (default: nt0)"
    )
    parser.add_argument("--serve", metavar="DIR", help="serve this directory by http.server")
    parser.add_argument(
        "--port", type=_port, default=80, metavar="N", help="TCP port for --serve (default: 80)"
    )
    station.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the machine until Ctrl-C."""
    with station.station(options, tap=options.name, name=options.name) as host, Control(host):
        if options.serve is None:
            _announce(options, host)
            threading.Event().wait()
        else:
            serve_directory(
                host, options.serve, options.port, _tell, on_ready=lambda: _announce(options, host)
            )
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")
    return int(text)


def _announce(options: argparse.Namespace, host: Host) -> None:
    """Say what runs, when it does."""
    print(f"{host.name} is {options.address} on {host.devices[0].name}; Ctrl-C ends it", flush=True)
    if text := station.hint(options, host):
        print(text, flush=True)
    if options.serve is not None:
        print(f"serving {options.serve} on port {options.port}", flush=True)


def _tell(address: str, port: int) -> None:
    print(f"{time.strftime('%H:%M:%S')} connection from {address}:{port}", flush=True)
