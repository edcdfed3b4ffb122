"""The short way of `recovery.on_ack`, for ACKs that are all in order, comes to what the long one comes to."""

from dataclasses import asdict
from random import Random

import pytest

from netarium.base.units import MS
from netarium.transport.tcp.scoreboard import Scoreboard

from .conftest import ACK, Script


def play(seed: int, **options: object) -> list[object]:
    """A transfer without losses, with ACKs at random times for random amounts; what is known after each of them."""
    random = Random(seed)
    tcp = Script()
    tcp.established(**options)
    tcb = tcp.socket.tcb
    una, told = 101, []
    for _ in range(30):
        tcp.send(bytes(random.randrange(5_000)))
        tcp.advance(random.randrange(100) * MS // 10)
        una = min(una + random.choice((300, 1_000, 2_000, 9_000)), tcb.snd_nxt - tcp._shift)
        tcp.inject(ACK, seq=301, ack=una)
        told.append((asdict(tcp.socket.info(tcp.now)), tcb.rexmit_at, tcb.rexmit_for, tcb.unacked_since))
        told.append((tcb.rack.order, tcb.rack.end_seq, tcb.rack.rtt, tcb.cwnd_limited, tcb.output, tcb.frto))
    assert tcb.total_retrans == 0
    return told


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sack", [False, True])
def test_both_ways_come_to_the_same(monkeypatch: pytest.MonkeyPatch, seed: int, sack: bool) -> None:
    short = play(seed, sack_permitted=sack)
    monkeypatch.setattr(Scoreboard, "is_plain", property(lambda self: False))
    assert play(seed, sack_permitted=sack) == short
