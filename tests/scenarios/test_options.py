"""IP options, TTL and TOS that a program chooses, and what the other side sees of them (RFC 1122 §3.2.1.8, §4.1.4)."""

import errno
import socket
import struct

import pytest

from netarium.link.cable import Cable
from netarium.link.frame import Frame
from netarium.link.rule import Rule, Verdict

from .conftest import MakeWorld
from .programs import PORT

RECORD_ROUTE = b"\x07\x0b\x04" + bytes(8) + b"\0"
IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_PKTINFO, IP_TTL = 11, 12, 13, 8, 2


class SpoilOptions(Rule):
    """A faulty adapter in between: the length of the first IP option becomes 1, with a checksum that fits again."""

    def act(self, verdict: Verdict) -> str:
        octets = bytearray(verdict.frame.octets())
        old = int.from_bytes(octets[34:36], "big")
        octets[35] = 1
        new = int.from_bytes(octets[34:36], "big")
        field = int.from_bytes(octets[24:26], "big") ^ 0xFFFF
        total = field + (old ^ 0xFFFF) + new
        total = (total & 0xFFFF) + (total >> 16)
        octets[24:26] = (((total & 0xFFFF) + (total >> 16)) ^ 0xFFFF).to_bytes(2, "big")
        verdict.frame = Frame(bytes(octets), checked=True)
        return "spoilt"

    def what(self) -> str:
        return "spoil IP options"


def with_options(frame: Frame) -> bool:
    return frame.head[12:14] == b"\x08\x00" and frame.head[14] > 0x45


@pytest.mark.rfc("1122I", "22")
@pytest.mark.rfc("1122I", "13")
def test_parameter_problem(make_world: MakeWorld) -> None:
    """Who gets nonsense says so, and points at it; the error reaches the socket."""
    world = make_world()
    a, b = world.hosts("a", "b")
    cable: Cable = world.cable(a, b)

    def main() -> int:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, RECORD_ROUTE)
            sock.sendto(b"?", (b.address, PORT))
            with pytest.raises(OSError) as refused:
                sock.recv(10)
            assert refused.value.errno == errno.ECONNREFUSED
            sock.recvmsg(100, 100, 0x2000)
            with cable.add_rule(SpoilOptions(with_options)):
                sock.sendto(b"?", (b.address, PORT))
                with pytest.raises(OSError) as caught:
                    sock.recv(10)
            _, items, _, _ = sock.recvmsg(100, 100, 0x2000)
            assert items[0][2][5:7] == b"\x0c\0"  # parameter problem, the pointer indicates the error
            return caught.value.errno or 0

    assert world.run(main, on=a) == errno.EPROTO


@pytest.mark.parametrize(
    "options", [b"\x07\x01\0\0", bytes([1] * 44), b"\x83\x07\x04\x0a\0\0\x01\0", b"\x07"]
)
def test_options_that_nobody_would_understand(make_world: MakeWorld, options: bytes) -> None:
    def main() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(OSError) as caught:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
        assert caught.value.errno == errno.EINVAL

    world = make_world()
    world.run(main, on=world.host("a"))


@pytest.mark.rfc("1122U", "04")
@pytest.mark.rfc("1122U", "06")
@pytest.mark.rfc("1122I", "10")
def test_what_a_receiver_learns_of_a_datagram(make_world: MakeWorld) -> None:
    world = make_world()
    a, b = world.hosts("a", "b")
    world.router("r", a, b)

    def serve() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            for option in (IP_RECVTTL, IP_RECVTOS, IP_PKTINFO):
                sock.setsockopt(socket.IPPROTO_IP, option, 1)
            sock.bind(("", PORT))
            data, items, _, peer = sock.recvmsg(100, 500)
            told = {kind: value for _, kind, value in items}
            assert data == b"hello"
            assert told[IP_TTL] == struct.pack("i", 9 - 1)
            assert told[socket.IP_TOS] == b"\xb8"
            assert told[IP_PKTINFO][4:] == socket.inet_aton(b.address) * 2
            # Answer from the very address that was asked.
            sock.sendmsg([b"hi"], [(socket.IPPROTO_IP, IP_PKTINFO, told[IP_PKTINFO])], 0, peer)

    def main() -> None:
        process = b.run(serve)
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, RECORD_ROUTE)
            sock.connect((b.address, PORT))
            sock.send(b"hello")
            assert sock.recv(10) == b"hi"
        process.join()

    world.run(main, on=a)
