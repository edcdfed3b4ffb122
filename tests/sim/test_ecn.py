"""ECN over a line that marks packets instead of losing them (RFC 3168), in virtual time."""

import socket
import time

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.link import rules
from netarium.sim import World
from netarium.transport.tcp.info import TcpInfo

SIZE = 2_000_000
CONTENT = bytes(range(250)) * (SIZE // 250)


def transfer(ecn: int, *, lose: bool = True) -> tuple[bytes, float, TcpInfo, rules.Mark]:
    """Two megabytes over 20 Mbit/s and 20 ms, of which 1 % meet congestion: what came, s, the sender's view."""
    world = World(seed=5, config=MachineConfig(tcp=TcpConfig(ecn=ecn)))
    sender, receiver = world.host("sender"), world.host("receiver")
    mark = rules.Mark("1%", lose=lose)
    world.cable(sender, receiver, rate=20e6, delay="10ms").add_rule(mark, direction=0)
    received: list[bytes] = []

    def receive() -> None:
        with socket.create_server(("", 5_001)) as listener, listener.accept()[0] as sock:
            while piece := sock.recv(1 << 16):
                received.append(piece)

    def send() -> None:
        with socket.create_connection(("receiver", 5_001)) as sock:
            sock.sendall(CONTENT)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
            infos.append(world.connection(sender, "receiver:5001").info(world.now))

    def play() -> float:
        processes = [receiver.run(receive), sender.run(send)]
        start = time.monotonic()
        for process in processes:
            process.join()
        return time.monotonic() - start

    infos: list[TcpInfo] = []
    took = world.run(play)
    return b"".join(received), took, infos[0], mark


@pytest.mark.rfc("3168", "03", "04")
def test_a_marking_line_costs_window_but_no_retransmission() -> None:
    received, took, info, mark = transfer(1)
    assert received == CONTENT
    assert mark.hits > 5
    assert info.tcpi_total_retrans == 0
    assert info.tcpi_snd_ssthresh < 1_000_000  # the marks were heard
    assert info.tcpi_options & 8
    assert took < 5


@pytest.mark.rfc("3168", "02")
def test_who_did_not_agree_is_not_marked_and_loses() -> None:
    received, _, info, mark = transfer(0)
    assert received == CONTENT
    assert mark.hits > 5
    assert info.tcpi_total_retrans >= mark.hits
    assert not info.tcpi_options & 8
