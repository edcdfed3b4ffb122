"""Attacks on how connections begin: floods of SYNs, with and without data."""

import tracemalloc
from dataclasses import replace
from random import Random

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import SECOND
from netarium.wire.tcp import SYN

from .lab import PHANTOM_MAC, Lab

LISTENERS, BACKLOG = 10, 64


@pytest.mark.attack("TCP-20")
@pytest.mark.rfc("4987", "01")
def test_a_flood_of_syns_costs_little_and_keeps_nobody_out() -> None:
    """5,000 SYNs in 10 s to ten listeners: two megabytes at the most, and each honest client of every second is served."""
    lab = Lab(MachineConfig())
    random = Random(3)
    strangers = [b"\x0a\0\0" + bytes([100 + i]) for i in range(20)]
    for stranger in strangers:
        lab.know(stranger, PHANTOM_MAC)
    listeners = [lab.listener(8_000 + i, BACKLOG) for i in range(LISTENERS)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for second in range(10):
            for _ in range(500):
                ports = (random.randrange(1_024, 65_536), 8_000 + random.randrange(LISTENERS))
                lab.tcp(SYN, ports, src=random.choice(strangers), seq=random.getrandbits(32), mss=1_460)
            listener = listeners[second % LISTENERS]
            flow = lab.handshake(listener, 40_000 + second)  # raises if the client is kept out
            assert flow.socket.state_name == "ESTABLISHED"
            lab.wire.sent.clear()
            assert len(lab.target.tcp.half_open()) <= LISTENERS * 128
            lab.advance(SECOND)
            lab.wire.sent.clear()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2 << 20
    assert lab.target.counters["tcp_cookies_sent"] > 2_500
    assert lab.target.counters["tcp_cookies_received"] > 0
    lab.advance(200 * SECOND)
    assert lab.target.tcp.half_open() == []
    lab.check()


@pytest.mark.attack("TCP-20")
def test_a_half_open_connection_is_small() -> None:
    """A kilobyte at the most, with its places in all tables."""
    lab = Lab(MachineConfig())
    lab.listener(80, 2_000)
    lab.tcp(SYN, (1_000, 80), seq=1, mss=1_460)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for port in range(2_000, 3_000):
            lab.tcp(SYN, (port, 80), seq=port, mss=1_460)
            lab.wire.sent.clear()
        each = (tracemalloc.get_traced_memory()[0] - before) / 1_000
    finally:
        tracemalloc.stop()
    assert len(lab.target.tcp.half_open()) == 1_001
    assert each <= 1_024, f"{each:.0f} octets each"


@pytest.mark.attack("TCP-20")
def test_an_unaccepted_fast_open_is_bounded() -> None:
    """Valid cookies, and no third segment ever: as many connections as TCP_FASTOPEN says, the rest is half-open."""
    config = MachineConfig()
    lab = Lab(replace(config, tcp=replace(config.tcp, fast_open=0x202)))
    listener = lab.listener(80, 64)
    listener.options.fast_open = 8
    listener.options_changed(lab.now)
    for port in range(2_000, 2_050):
        lab.tcp(SYN, (port, 80), seq=port, data=b"question", mss=1_460)
    tcp = lab.target.tcp
    assert len(listener.listener.ready) == 8
    assert len(tcp.half_open()) == 42
    assert lab.target.counters["tcp_fast_open_overflows"] == 42
    lab.advance(300 * SECOND)
    assert tcp.half_open() == []
    assert all(flow.state_name == "CLOSED" for flow in listener.listener.ready)
    lab.check()
