"""What an idle connection costs in Python objects, and what a finished one leaves behind."""

import gc
import tracemalloc

from netarium.base.units import MS, SECOND
from netarium.wire.tcp import ACK, FIN, SYN

from .conftest import Script


def exchange(tcp: Script, port: int) -> None:
    """A handshake from the peer, 100 octets each way, all acknowledged."""
    tcp.inject(SYN, seq=300, mss=1_460, ts=(1, 0), sack_permitted=True, wscale=7, ports=(port, 80))
    tcp._collect()
    iss = tcp.seen[-1].seq
    tcp.inject(ACK, seq=301, ack=iss + 1, ts=(2, 0), ports=(port, 80), raw_ack=True)
    socket = tcp.listening.accept(tcp.now)
    tcp.inject(ACK, seq=301, ack=iss + 1, data=bytes(100), ts=(3, 0), ports=(port, 80), raw_ack=True)
    assert len(socket.recv(1_000, tcp.now)) == 100
    socket.send(bytes(100), tcp.now)
    tcp._pump()
    tcp.inject(ACK, seq=401, ack=iss + 101, ts=(4, 0), ports=(port, 80), raw_ack=True)
    tcp.wire.from_machine.clear()
    tcp.seen.clear()


def test_an_idle_connection_costs_less_than_four_kilobytes(tcp: Script) -> None:
    tcp.listen(backlog=200)
    for port in range(2_000, 2_050):
        exchange(tcp, port)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for port in range(3_000, 3_100):
        exchange(tcp, port)
    tcp.advance(100 * MS)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert (after - before) / 100 < 4_096


def test_an_ended_connection_leaves_nothing(tcp: Script) -> None:
    tcp.passive()
    tcp.close()
    tcp.inject(FIN | ACK, seq=301, ack=102)
    assert tcp.machine.tcp.time_wait()
    tcp.advance(60 * SECOND)
    layer = tcp.machine.tcp
    assert not layer.flows
    assert not layer.time_wait()
    assert len(layer.timers) == 0
    tcp.listening.close(tcp.now)
    assert len(layer.ports) == 0
