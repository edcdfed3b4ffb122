"""Run packetdrill scripts against the Linux kernel of this machine: what does the original do?

Our scripts say what a good stack does; this asks one. Each script runs in a network namespace of its own, on a TUN, in
real time, with the kernel's own sockets; parsing, packets and comparison are those of `netarium packetdrill`. Needs
root. As the clock is real, times get more tolerance, and a script that fails is tried again.

Usage: python tools/kernel_judge.py [-v] [--jobs N] [--tolerance MS] [--tries N] [-D NAME=value] FILE|DIRECTORY...
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import multiprocessing
import os
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from netarium.base.addr import format_ip
from netarium.base.config import MachineConfig
from netarium.testing.packetdrill import (
    calldata,
    callfiles,
    callopts,
    callready,
    calls,
    messages,
    runner,
    segments,
    suite,
)
from netarium.testing.packetdrill.callnames import HANDLERS
from netarium.testing.packetdrill.commands import Orders
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood, ScriptError
from netarium.testing.packetdrill.flow import Flow
from netarium.testing.packetdrill.parser import load
from netarium.testing.packetdrill.report import explain
from netarium.testing.packetdrill.script import ANY, Call, Script, TcpPacket
from netarium.testing.packetdrill.settings import Settings
from netarium.testing.packetdrill.shell import arithmetic
from netarium.wire.tcp import SYN, TcpSegment

_CLONE_NEWNET: Final = 0x4000_0000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x400454CA, 0x0001, 0x1000, 0x4000
_VNET: Final = struct.Struct("=BBHHHH")  # flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
_BLOCKED_AFTER: Final = 5  # seconds after which a call that should not block is given up

# What the headers of the public suites set.
_SUITE_DEFAULTS: Final = {
    "tcp_rmem": "4096 540000 15728640", "tcp_wmem": "4096 262144 4194304", "tcp_timestamps": "1", "tcp_syn_retries": "5",
    "tcp_synack_retries": "5", "tcp_frto": "2", "tcp_sack": "1", "tcp_dsack": "1", "tcp_fack": "0", "tcp_reordering": "3",
    "tcp_congestion_control": "cubic", "tcp_slow_start_after_idle": "0", "tcp_early_retrans": "4", "tcp_recovery": "1",
    "tcp_tso_win_divisor": "3", "tcp_ecn": "0", "tcp_pacing_ss_ratio": "200", "tcp_pacing_ca_ratio": "120",
    "tcp_notsent_lowat": "4294967295", "tcp_fastopen": "0x70403",
    "tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", "tcp_syncookies": "1",
}  # fmt: skip
# What a script begins with that has no such header: the defaults of our linux profile.
_BASELINE: Final = {
    "tcp_congestion_control": "cubic", "tcp_no_metrics_save": "1", "tcp_rmem": "4096 131072 6291456",
    "tcp_wmem": "4096 16384 4194304", "tcp_autocorking": "0",
}  # fmt: skip
_INFO: Final = struct.Struct("8B 24I 4Q 6I 4Q 2I 2Q 6I 2H I 7I 2H")
_INFO_FIELDS: Final = (  # noqa: SIM905 - a list of words reads better as words
    "state ca_state retransmits probes backoff options wscales flags rto ato snd_mss rcv_mss unacked sacked lost retrans "
    "fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh "
    "snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked "
    "bytes_received segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time "
    "rwnd_limited sndbuf_limited delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack "
    "snd_wnd rcv_wnd rehash total_rto total_rto_recoveries total_rto_time received_ce delivered_e1_bytes "
    "delivered_e0_bytes delivered_ce_bytes received_e1_bytes received_e0_bytes received_ce_bytes accecn_fail_mode "
    "accecn_opt_seen"
).split()


class BlockingCall:
    """A system call that may block, in a thread of its own."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.finished = False
        self.at = 0
        self.began = 0
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)

    def go_on(self) -> None:
        """Begin; give it a moment to get into the kernel."""
        self._thread.start()
        self._thread.join(0.001)

    def abandon(self) -> None:
        """It is a daemon in a process that ends."""

    def _run(self) -> None:
        self._work()
        self.at = time.monotonic_ns() - KernelStage.epoch
        self.finished = True


class KernelStage:
    """The kernel, a TUN, and the real clock, with the face of `stage.Stage`."""

    epoch = 0

    def __init__(self, settings: Settings, _config: MachineConfig, *_: Any) -> None:
        self.sent: deque[tuple[int, bytes]] = deque()
        self.blocking: BlockingCall | None = None
        self.host = SimpleNamespace(socket=socket.socket)
        self.machine = SimpleNamespace(tcp=SimpleNamespace(flows={}))
        self._tun = _open_tun(settings)
        KernelStage.epoch = time.monotonic_ns()
        setattr(messages, "EPOCH", time.time_ns())  # noqa: B010 - what is Final there is another clock here

    @property
    def time(self) -> int:
        """Ns since the script began."""
        return time.monotonic_ns() - KernelStage.epoch

    def now(self) -> int:
        """Monotonic ns."""
        return time.monotonic_ns()

    def configure(self, *_: Any, **__: Any) -> None:
        """The commands have been carried out."""

    def program(self) -> contextlib.AbstractContextManager[None]:
        """Calls are the kernel's wherever they are made."""
        return contextlib.nullcontext()

    def forget(self) -> None:
        """Likewise."""

    def deliver(self, packet: bytes, gso_size: int = 0) -> None:
        """An IP packet from the peer arrives, or several segments of `gso_size` that the driver has made one."""
        self._drain()
        start = (packet[0] & 15) * 4
        vnet = _VNET.pack(0, 0, 0, 0, 0, 0)
        if gso_size:
            vnet = _VNET.pack(1, 1, len(packet), gso_size, start, 16)  # checksum to be trusted, TCP over IPv4
        os.write(self._tun, vnet + packet)

    def advance(self, until: int, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Let real time pass."""
        self._drain()
        while not enough():
            left = until - self.time
            if left <= 0:
                break
            wait = min(left / 1e9, 0.002 if self.blocking is not None else 10)
            if left > 2_000_000:
                wait = min(wait, left / 1e9 - 0.001)
            select.select([self._tun], [], [], wait)
            self._drain()

    def _drain(self) -> None:
        while True:
            try:
                packet = os.read(self._tun, 65_536 + _VNET.size)[_VNET.size :]
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                self.sent.append((self.time, packet))


def _open_tun(settings: Settings) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR))
    for command in (
        "link set lo up",
        f"address add {format_ip(settings.local)}/{settings.prefix_length} dev tun0",
        f"link set tun0 mtu {settings.mtu} up",
        "route add default dev tun0",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return tun


def _sysctl(name: str, value: str) -> None:
    path = Path("/proc/sys", *name.removeprefix("/proc/sys/").replace("/", ".").split("."))
    path.write_text(value, encoding="ascii")


def obey(script: Script, line: int, command: str, config: MachineConfig, *_: Any) -> Orders:
    """Carry out what stands between backticks, in this namespace; the configuration of our stack is nothing here."""
    command = re.sub(r"\$\(\(([^()]*)\)\)", lambda found: str(arithmetic(found[1])), command)
    for statement in re.split(r"[;\n]|&&", command):
        words = shlex.split(statement, comments=True)
        if not words or words in ([":"], ["true"]):
            continue
        name = words[0].rpartition("/")[2]
        try:
            if name == "defaults.sh":
                for key, value in _SUITE_DEFAULTS.items():
                    _sysctl(f"net.ipv4.{key}", value)
            elif name in {"sysctl", "set_sysctls.py"}:
                for pair in words[1:]:
                    if "=" in pair:
                        key, _, value = pair.partition("=")
                        _sysctl(key, value)
            else:
                subprocess.run(statement, shell=True, check=True)
        except (OSError, subprocess.CalledProcessError) as fault:
            raise ScriptError(script.name, line, f"{statement.strip()!r}: {fault}") from None
    return Orders(config)


def ioctl(self: calls.Calls, call: Call) -> int:
    """The real ioctl."""
    pointed = call.arguments[2]
    pointed = pointed[0] if isinstance(pointed, list) and pointed else pointed
    argument = struct.pack("i", pointed if isinstance(pointed, int) else 0)
    number = struct.unpack("i", fcntl.ioctl(self.socket(call).fileno(), calls.integer(call, 1), argument))[0]
    wanted = call.arguments[2]
    value = wanted[0] if isinstance(wanted, list) and wanted else wanted
    if value is not ANY and value != number:
        raise Mismatch(f"the value {value}", str(number))
    return 0


def learn(packet: TcpPacket, seg: TcpSegment, flow: Flow) -> None:
    """The kernel does not tell whether a connection is a new one: every SYN does."""
    flow.local = flow.local or seg.src_port
    if seg.flags & packet.flags & SYN:
        flow.shift, flow.own = seg.seq - packet.seq, packet.seq


class KernelRunner(runner.Runner):
    """The runner, where it looks into our stack."""

    def _renew(self, packet: TcpPacket, flow: Flow) -> None:
        """Nothing is known of the kernel's tables: see `learn`."""

    def _facts(self) -> dict[str, int]:
        for each in reversed(self._calls.sockets()):
            with contextlib.suppress(OSError):
                raw = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512).ljust(_INFO.size, b"\0")
                values = dict(zip(_INFO_FIELDS, _INFO.unpack_from(raw), strict=True))
                values |= {"snd_wscale": values["wscales"] & 15, "rcv_wscale": values["wscales"] >> 4}
                values |= {"delivery_rate_app_limited": values["flags"] & 1}
                values |= {"fastopen_client_fail": values["flags"] >> 1 & 3}
                if values["state"] != 10:  # LISTEN
                    return {f"tcpi_{name}": value for name, value in values.items()}
        return {}


def disconnect(one: Any) -> int:
    """connect() with AF_UNSPEC, which Python cannot say."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(one.fileno(), bytes(16), 16):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return 0


def connect_from_nowhere(one: Any, length: int, flags: int, address: tuple[str, int]) -> int:
    """sendto() from a null pointer, which Python cannot say."""
    libc = ctypes.CDLL(None, use_errno=True)
    to = (
        struct.pack("=H", socket.AF_INET)
        + struct.pack("!H", address[1])
        + socket.inet_aton(address[0])
        + bytes(8)
    )
    sent: int = libc.sendto(one.fileno(), None, length, flags, to, len(to))
    if sent < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return sent


@contextlib.contextmanager
def _kernel_instead_of_ours() -> Iterator[None]:
    """The kernel's sockets, polls and stage where the runner would take ours."""
    replaced: list[tuple[Any, str, Any]] = [
        *((module, "Socket", socket.socket) for module in (calls, calldata, callfiles, callopts, callready)),
        (calls, "Epoll", select.epoll), (callready, "Epoll", select.epoll), (callready, "Poll", select.poll),
        (runner, "Stage", KernelStage), (runner, "BlockingCall", BlockingCall), (runner, "obey", obey),
        (calls, "_disconnect", disconnect), (calls, "_may_connect", lambda _: True), (callopts, "_KEPT", {}), (calldata, "connect_from_nowhere", connect_from_nowhere),
        (segments, "learn", learn), (runner, "_PATIENCE", 60_000_000_000),
    ]  # fmt: skip
    before = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    handler = HANDLERS["ioctl"]
    HANDLERS["ioctl"] = ioctl
    for module, name, value in replaced:
        setattr(module, name, value)
    try:
        yield
    finally:
        HANDLERS["ioctl"] = handler
        for module, name, value in before:
            setattr(module, name, value)


def _blocked(*_: Any) -> None:
    raise Mismatch("a call that returns at once", "one that blocks")


def judge(path: Path, tolerance: int, defines: Mapping[str, str]) -> dict[str, Any]:
    """Run one script in this process, whose network namespace becomes a new one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        return {"verdict": "refused", "text": f"no network namespace: {os.strerror(ctypes.get_errno())}"}
    for name, value in _BASELINE.items():
        _sysctl(f"net.ipv4.{name}", value)
    signal.signal(signal.SIGALRM, _blocked)
    try:
        script = load(path, defines)
        with _kernel_instead_of_ours():
            run = KernelRunner(script, runner.Options())
            run._settings.tolerance = max(run._settings.tolerance, tolerance)
            make = run._calls.make

            def watched(call: Call) -> None:
                if threading.current_thread() is threading.main_thread():
                    signal.alarm(_BLOCKED_AFTER)
                try:
                    make(call)
                finally:
                    if threading.current_thread() is threading.main_thread():
                        signal.alarm(0)

            run._calls.make = watched  # type: ignore[method-assign]
            result = run.run()
    except (ScriptError, NotUnderstood) as fault:
        return {"verdict": "refused", "text": str(fault)}
    text = "\n".join(explain(result))
    return {"verdict": "ok" if result.failure is None else "not ok", "text": text}


def _in_child(path: Path, tolerance: int, defines: Mapping[str, str]) -> dict[str, Any]:
    """A process for each script: a namespace is a process's."""
    command = [sys.executable, __file__, "--child", "--tolerance", str(tolerance // 1_000_000), str(path)]
    command += [f"-D{name}={value}" for name, value in defines.items()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        answer = {"verdict": "refused", "text": done.stderr[-2_000:]}
    return answer


def _patiently(path: Path, tolerance: int, tries: int, defines: Mapping[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for _ in range(tries):
        answer = _in_child(path, tolerance, defines)
        if answer["verdict"] != "not ok":
            break
    return answer


def main(words: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Run packetdrill scripts against the Linux kernel of this machine."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE|DIRECTORY")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every exchange")
    parser.add_argument("--jobs", type=int, default=8, help="scripts at a time (they mostly wait)")
    parser.add_argument("--tolerance", type=int, default=20, help="milliseconds that times may be off")
    parser.add_argument("--tries", type=int, default=2, help="how often a script that fails is tried")
    parser.add_argument("-D", dest="defines", action="append", default=[], metavar="NAME=value")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    defines = dict(each.split("=", 1) for each in arguments.defines)
    tolerance = arguments.tolerance * 1_000_000
    if arguments.child:
        with contextlib.suppress(OSError):  # the clock is real: do not wait for the processor
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        print(json.dumps(judge(arguments.paths[0], tolerance, defines)))
        sys.stdout.flush()
        os._exit(0)  # a call may still block
    files = suite.find(arguments.paths)
    known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text(encoding="ascii").strip()
    _sysctl("net.ipv4.tcp_allowed_congestion_control", known)  # else a namespace may not choose
    failed = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        answers = pool.map(lambda path: _patiently(path, tolerance, arguments.tries, defines), files)
        for path, answer in zip(files, answers, strict=True):
            failed += answer["verdict"] != "ok"
            print(f"{answer['verdict']} - {path}", flush=True)
            if answer["verdict"] != "ok" or arguments.verbose:
                print("\n".join(f"# {line}" for line in answer["text"].splitlines()))
    print(f"{len(files) - failed} passed, {failed} failed on Linux {os.uname().release}")
    return 1 if failed else 0


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)
    sys.exit(main())
