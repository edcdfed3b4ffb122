"""TAP, TUN and packet socket in a real kernel: what comes, what goes, what is left behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import netarium.drive.host as drive
from netarium.base.errors import UsageError
from netarium.drive import control
from netarium.drive import kernel as kernel_side
from netarium.drive.errors import DeviceError
from netarium.drive.tap import Tap
from netarium.drive.tun import Tun

LIMIT = 30.0


def interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def test_a_tap_comes_and_goes(network: None) -> None:
    with Tap("t0", peer="10.0.0.1/24", mtu=1_400) as tap:
        assert "t0" in interfaces()
        assert tap.mtu == 1_400
        assert kernel_side.is_up("t0")
        assert kernel_side.mac_of("t0") != tap.mac
    assert "t0" not in interfaces()


def test_persistent_tap_stays_and_can_be_used_again(network: None) -> None:
    Tap("t0", persist=True).close()
    assert "t0" in interfaces()
    Tap("t0", offload=False).close()
    assert "t0" in interfaces()


def test_the_kernel_may_choose_the_name(network: None) -> None:
    with Tap() as one, Tap() as two:
        assert {one.name, two.name} == {"tap0", "tap1"}


def test_name_taken_gets_one_clear_line(network: None) -> None:
    with Tap("t0"):
        with pytest.raises(DeviceError, match="in use by another program"):
            Tap("t0")
        with pytest.raises(DeviceError, match="another kind"):
            Tun("t0")
    with pytest.raises(DeviceError, match="another kind"):
        Tap("lo")


def test_bad_setting_leaves_no_tap(network: None) -> None:
    with pytest.raises(UsageError):
        Tap("t0", mtu=17)
    with pytest.raises(UsageError):
        drive.Host(Tap("t0"), address="10.0.0.2")
    with pytest.raises(UsageError, match="none of the host's networks"):
        drive.Host(Tap("t0"), address="10.0.0.2/24", gateway="192.0.2.1")
    assert interfaces() == ["lo"]


@pytest.mark.parametrize("offload", [True, False], ids=["offload", "plain"])
def test_tun_speaks_tcp(network: None, offload: bool) -> None:
    with (
        drive.Host(Tun("u0", peer="10.0.0.1/24", offload=offload), address="10.0.0.2/24") as host,
        host.socket() as listener,
    ):
        listener.bind(("", 7))
        listener.listen()
        payload = os.urandom(3_000_000)
        with socket.create_connection(("10.0.0.2", 7), timeout=LIMIT) as theirs:
            ours, _ = listener.accept()
            sender = threading.Thread(target=lambda: (ours.sendall(payload), ours.close()))
            sender.start()
            received = bytearray()
            while octets := theirs.recv(1 << 20):
                received += octets
            sender.join(LIMIT)
        assert received == payload
    assert interfaces() == ["lo"]


@pytest.mark.parametrize("peer_offload", [True, False], ids=["gso", "plain"])
def test_packet_socket_speaks_tcp(kernel: Any, packet_host: drive.Host, peer_offload: bool) -> None:
    if not peer_offload:
        kernel.need("ethtool")
        for name in ("kernel0", "ours0"):
            kernel.sh(
                "ethtool", "-K", name, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"
            )
    listener = packet_host.socket()
    listener.bind(("", 7))
    listener.listen()
    payload = os.urandom(3_000_000)
    with socket.create_connection(("10.0.0.2", 7), timeout=LIMIT) as theirs:
        ours, _ = listener.accept()
        ours.settimeout(LIMIT)
        sender = threading.Thread(target=lambda: (ours.sendall(payload), ours.shutdown(socket.SHUT_WR)))
        sender.start()
        received = bytearray()
        while octets := theirs.recv(1 << 20):
            received += octets
        sender.join(LIMIT)
        assert received == payload
        sender = threading.Thread(target=lambda: (theirs.sendall(payload), theirs.shutdown(socket.SHUT_WR)))
        sender.start()
        received.clear()
        while octets := ours.recv(1 << 20):
            received += octets
        sender.join(LIMIT)
        assert received == payload
        ours.close()
    listener.close()


def test_packet_socket_answers_ping_and_hears_only_its_own(kernel: Any, packet_host: drive.Host) -> None:
    kernel.need("ping")
    kernel.sh("ping", "-c", "2", "-i", "0.01", "-s", "4000", "10.0.0.2")
    kernel.sh("ip", "neighbor", "add", "10.0.0.77", "lladdr", "02:00:00:00:00:77", "dev", "kernel0")
    # IPv6 speaks to groups by itself, at times of its own.
    kernel.sh("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/kernel0/disable_ipv6")
    before = packet_host.machine.counters["eth_rx_not_ours"]
    kernel.sh("ping", "-c", "1", "-W", "0.1", "10.0.0.77", check=False)
    assert packet_host.machine.counters["eth_rx_not_ours"] == before, "the filter lets pass what is not ours"


@pytest.mark.attack("HOST-01")
def test_deleted_under_load(kernel: Any, start: Any) -> None:
    """`ip link delete` while bytes flow: no busy loop, the socket hears of it or times out, close is quick."""
    host = start()
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with socket.create_connection(("10.0.0.2", 7), timeout=LIMIT) as theirs:
        ours, _ = listener.accept()
        ours.settimeout(LIMIT)
        ours.send(bytes(1_000_000))
        kernel.sh("ip", "link", "delete", "netarium0")
        with pytest.raises(OSError, match="Network is down"):
            ours.recv(10)
        cpu, wall = time.process_time(), time.monotonic()
        time.sleep(0.3)  # the one thing to be measured is what happens while nothing does
        assert time.process_time() - cpu < 0.1 * (time.monotonic() - wall)
        assert not host.devices[0].up
        begin = time.monotonic()
        theirs.close()
    host.close()
    assert time.monotonic() - begin < 2


def test_asyncio_on_our_host_beside_the_kernels_descriptors(start: Any) -> None:
    """The standard library's own streams; a kernel pipe in the same loop goes on working."""
    from netarium.aio.loop import EventLoop
    from netarium.patching import patched

    host = start()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(5)).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        piped: asyncio.Future[bytes] = loop.create_future()
        loop.add_reader(read_end, lambda: piped.done() or piped.set_result(os.read(read_end, 100)))
        server = await asyncio.start_server(answer, "10.0.0.2", 7)

        def client() -> bytes:
            with kernel_socket() as theirs:
                theirs.settimeout(LIMIT)
                theirs.connect(("10.0.0.2", 7))
                theirs.sendall(b"hello")
                return theirs.recv(100)

        answered = await asyncio.to_thread(client)
        os.write(write_end, b"from a pipe")
        through_pipe = await asyncio.wait_for(piped, LIMIT)
        loop.remove_reader(read_end)
        os.close(read_end)
        os.close(write_end)
        server.close()
        await server.wait_closed()
        return answered, through_pipe

    kernel_socket = socket.socket
    token = host.enter()
    try:
        with patched(), asyncio.Runner(loop_factory=EventLoop) as runner:
            assert runner.run(main()) == (b"HELLO", b"from a pipe")
    finally:
        from netarium.socket.context import current

        current.reset(token)


def test_control_socket_shows_the_tables(start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    host = start()
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with control.Control(host) as made:
        assert made.path.stat().st_mode & 0o777 == 0o600
        assert made.path.parent.stat().st_mode & 0o777 == 0o700
        assert control.running() == ["ours"]
        rows = control.ask("ours", "tables")["sockets"]
        assert [(row["state"], row["local"]) for row in rows] == [("LISTEN", ["0.0.0.0", 7])]
        with pytest.raises(UsageError, match="runs already"):
            control.Control(host)
        with pytest.raises(UsageError, match="unknown view"):
            control.ask("ours", "secrets")
    assert control.running() == []
    assert list(made.path.parent.iterdir()) == []
    with pytest.raises(UsageError, match="is it running"):
        control.ask("ours", "tables")
    listener.close()


PROGRAM = """
import netarium.drive.host as drive
from netarium.drive.control import Control
from netarium.drive.tap import Tap
with drive.Host(Tap("t0", peer="10.0.0.1/24"), address="10.0.0.2/24", name="gone") as host, Control(host):
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    print("up", flush=True)
    listener.accept()
"""


def test_ctrl_c_leaves_nothing_behind(network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert control.running() == ["gone"]
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - begin < 3
    assert interfaces() == ["lo"]
    assert control.running() == []
    assert list((tmp_path / "netarium").iterdir()) == []


def test_a_killed_program_is_found_out(
    network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
    assert list((tmp_path / "netarium").iterdir()) != []
    assert control.running() == []
    assert list((tmp_path / "netarium").iterdir()) == []
