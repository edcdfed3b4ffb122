"""Ping both ways, up to what takes forty fragments."""

import socket
import struct
from typing import Any

import pytest

from netarium.drive.host import Host

SIZES = [56, 1_472, 1_473, 8_000, 60_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.rfc("1122", "3.2.2.6")
@pytest.mark.rfc("791", "3.2")
def test_the_kernel_pings_us(kernel: Any, host: Host, size: int) -> None:
    kernel.need("ping")
    result = kernel.sh("ping", "-c", "3", "-i", "0.01", "-W", "5", "-s", str(size), "10.0.0.2")
    assert "3 received, 0% packet loss" in result.stdout, result.stdout


@pytest.mark.parametrize("size", SIZES)
def test_we_ping_the_kernel(host: Host, size: int) -> None:
    payload = bytes(i * 7 & 0xFF for i in range(size))
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as ping:
        ping.settimeout(10)
        for sequence in range(3):
            ping.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, sequence) + payload, ("10.0.0.1", 0))
            answer, sender = ping.recvfrom(70_000)
            assert sender[0] == "10.0.0.1"
            kind, code, _, _, echoed = struct.unpack("!BBHHH", answer[:8])
            assert (kind, code, echoed) == (0, 0, sequence)
            assert answer[8:] == payload


def test_kernel_sees_a_live_neighbour(kernel: Any, host: Host) -> None:
    kernel.need("ping")
    kernel.sh("ping", "-c", "1", "10.0.0.2")
    listing = kernel.sh("ip", "neighbor", "show", "10.0.0.2").stdout
    assert host.devices[0].mac.hex(":") in listing, listing
    assert "REACHABLE" in listing


def test_closed_udp_port_is_told_to_the_kernels_socket(host: Host) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        theirs.settimeout(10)
        theirs.connect(("10.0.0.2", 9))
        theirs.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            theirs.recv(100)


def test_closed_udp_port_of_the_kernel_is_told_to_ours(host: Host) -> None:
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.settimeout(10)
        ours.connect(("10.0.0.1", 9))
        ours.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            ours.recv(100)


@pytest.mark.parametrize("size", [1, 1_472, 1_473, 60_000])
def test_udp_both_ways(host: Host, size: int) -> None:
    payload = bytes(i * 11 & 0xFF for i in range(size))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs,
        host.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
    ):
        for side in (theirs, ours):
            side.settimeout(10)
        theirs.bind(("10.0.0.1", 7007))
        ours.bind(("10.0.0.2", 7007))
        ours.sendto(payload, ("10.0.0.1", 7007))
        assert theirs.recvfrom(70_000) == (payload, ("10.0.0.2", 7007))
        theirs.sendto(payload, ("10.0.0.2", 7007))
        assert ours.recvfrom(70_000) == (payload, ("10.0.0.1", 7007))
