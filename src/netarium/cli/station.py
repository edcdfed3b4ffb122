"""A machine of ours on a real device, for the commands that need one: opened, told about, and cleanly closed."""

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from netarium.base.addr import Prefix, masked, parse_interface
from netarium.base.config import MachineConfig
from netarium.base.errors import UsageError
from netarium.base.profiles import PROFILES, profile
from netarium.base.trace import Trace
from netarium.drive.device import KernelDevice
from netarium.drive.host import Host
from netarium.drive.packet_socket import PacketSocket
from netarium.drive.tap import Tap
from netarium.drive.tun import Tun
from netarium.inspect.capture import Capture
from netarium.link.device import Medium

_KINDS = ("tap", "tun", "packet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which device and which addresses."""
    add = parser.add_argument
    add(
        "--device",
        metavar="KIND:NAME",
        help="tap:NAME (made if need be), tun:NAME, or packet:INTERFACE for a second station on its network",
    )
    add("--address", required=True, metavar="A/B", help="our address with its network, as 10.7.0.2/24")
    add("--peer", metavar="A/B", help="give the kernel's end of the TAP this address, as 10.7.0.1/24")
    add("--gateway", metavar="G", help="where everything else is sent")
    add("--nameserver", metavar="S", action="append", default=[], help="DNS server (may be given again)")
    add("--mtu", type=int, metavar="N", help="set the interface's MTU")
    add(
        "--no-offload",
        action="store_true",
        help="every frame as on a wire: no large segments, no checksum offload",
    )
    add("--profile", choices=PROFILES, help="whose TCP it has; docs/profiles.md sets them side by side")
    add("--pcap", type=Path, metavar="FILE", help="write every frame as pcapng")


def device(options: argparse.Namespace, default: str | None) -> KernelDevice:
    """Open the device that was asked for.

    Raises:
        UsageError: it cannot be had; says what to do.
    """
    wanted: str = options.device or (f"tap:{default}" if default else "")
    kind, colon, name = wanted.partition(":")
    if not colon or not name or kind not in _KINDS:
        raise UsageError(f"{wanted or 'no device'}: name one like --device tap:nt0, tun:nt0 or packet:eth0")
    offload = not options.no_offload
    if kind == "packet":
        if options.peer or options.mtu:
            raise UsageError(
                "--peer and --mtu are for a tap or tun: a packet socket uses an interface as it is"
            )
        return PacketSocket(name, offload=offload)
    opened: type[Tap | Tun] = Tap if kind == "tap" else Tun
    return opened(name, offload=offload, mtu=options.mtu, peer=options.peer)


def check_addresses(options: argparse.Namespace) -> None:
    """Refuse addresses with which the two ends could not speak to each other.

    Raises:
        UsageError: says what to write instead.
    """
    ours, length = parse_interface(options.address)
    if len(ours) != 4:
        raise UsageError(f"{options.address}: a machine on a device speaks IPv4: write it like 10.7.0.2/24")
    if not options.peer:
        return
    theirs, _ = parse_interface(options.peer)
    if theirs == ours:
        raise UsageError(f"--peer {options.peer} is our own address: the kernel's end needs another one")
    if theirs not in Prefix(masked(ours, length), length):
        raise UsageError(
            f"--peer {options.peer} is not in the network of {options.address}: choose one inside"
        )


@contextmanager
def station(
    options: argparse.Namespace,
    *,
    tap: str | None = None,
    name: str | None = None,
    config: MachineConfig | None = None,
) -> Iterator[Host]:
    """A host on the device, closed at the end whatever happens; SIGTERM ends it as Ctrl-C does.

    Args:
        options: what `add_arguments` has described.
        tap: the TAP to use when no --device is given.
        name: of the machine; None: as its device.
        config: of its stack; None: the defaults, or those of the profile that was asked for.
    """
    if config is None and options.profile:
        config = MachineConfig(tcp=profile(options.profile))
    with ExitStack() as stack:
        check_addresses(options)
        before = signal.signal(signal.SIGTERM, _terminate)
        stack.callback(signal.signal, signal.SIGTERM, before)
        opened = device(options, tap)
        name = name or opened.name
        trace = None
        if options.pcap is not None:
            stack.callback(opened.close)
            file = stack.enter_context(options.pcap.open("wb", buffering=0))
            raw = {opened.name} if opened.medium is Medium.IP else ()
            epoch_ns = time.time_ns() - time.monotonic_ns()
            trace = Trace(Capture(file, epoch_ns=epoch_ns, machine=name, raw=raw))
        host = Host(
            opened,
            address=options.address,
            gateway=options.gateway,
            name=name,
            nameservers=options.nameserver,
            config=config,
            trace=trace,
        )
        stack.callback(host.close)
        yield host


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def hint(options: argparse.Namespace, host: Host) -> str:
    """How the kernel's end gets an address, if nobody has given it one; else ""."""
    first: Any = host.devices[0]
    if options.peer or isinstance(first, PacketSocket):
        return ""
    return f"the kernel's end needs an address of that network: ip address add A/B dev {first.name} (or use --peer A/B)"
