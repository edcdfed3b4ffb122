"""Reassembly against a plain model: whatever the order, the cut and the repetition."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.base.config import IpConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted
from netarium.base.timerq import TimerQueue
from netarium.ip.fragment import cut
from netarium.ip.packet import IpPacket
from netarium.ip.reassembly import Reassembler
from netarium.link.loopback import Loopback


class Wake:
    def on_deadline(self, now):
        pass


def make(**settings_):
    return Reassembler(IpConfig(**settings_), TimerQueue(), Counters(), Wake())


def piece(device, payload):
    return IpPacket(bytes(4), bytes(4), 17, 64, 0, bytes(20), payload[:8], b"", device)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=1, max_size=3_000),
    st.integers(48, 1_500),
    st.randoms(use_true_random=False),
    st.data(),
)
def test_any_order_any_repetition(payload, room, shuffler, data):
    reassembler, device = make(reassembly_max_fragments=100), Loopback()
    pieces = list(cut(payload, room))
    extra = data.draw(st.lists(st.sampled_from(pieces), max_size=5))
    last = None
    order = pieces + extra
    shuffler.shuffle(order)
    whole, seen = [], set()
    for fragment in order:
        octets = bytes(fragment.payload)
        result = reassembler.add(b"k", piece(device, octets), fragment.offset, octets, 0, more=fragment.more)
        assert result.fate is Accepted.LOCAL
        seen.add(fragment.offset)
        if result.packet is not None:
            whole.append(bytes(result.packet.head))
            assert len(seen) == len(pieces)
            last = len(whole)
            seen.clear()
    assert whole[:1] == [payload]
    assert all(octets == payload for octets in whole)
    assert last is not None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 200))
def test_bounds_hold_whatever_comes(seed, count):
    chaos = random.Random(seed)
    reassembler, device = make(reassembly_max_bytes=4_000, reassembly_max_datagrams=8), Loopback()
    for _ in range(count):
        key = bytes([chaos.randrange(20)])
        octets = chaos.randbytes(chaos.randrange(0, 200))
        reassembler.add(
            key, piece(device, octets), chaos.randrange(0, 8_192) * 8, octets, 0, more=chaos.random() < 0.8
        )
        assert 0 <= reassembler.charged <= 4_000
        assert len(reassembler) <= 8
    reassembler.on_deadline(10**12)
    assert (len(reassembler), reassembler.charged) == (0, 0)
