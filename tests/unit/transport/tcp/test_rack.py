"""RACK's clock: what the delivered segment was, how wide the reordering window is (RFC 8985)."""

import pytest

from netarium.base.units import MS
from netarium.transport.tcp.rack import MAX_STEPS, PERSIST_RECOVERIES, Rack
from netarium.transport.tcp.records import Sent


def sent(end: int, xmit_at: int, order: int, resent: int = 0) -> Sent:
    record = Sent(end - 1_000, end, 1, xmit_at, order)
    record.resent = resent
    return record


@pytest.mark.rfc("8985", "01", "03")
def test_the_latest_sent_of_what_was_delivered_counts_and_the_number_decides_a_tie() -> None:
    rack = Rack()
    rack.on_delivered(sent(3_000, 50, 7), min_rtt=0, now=90)
    assert (rack.order, rack.end_seq, rack.rtt, rack.advanced) == (7, 3_000, 40, True)
    rack.on_delivered(sent(9_000, 40, 5), min_rtt=0, now=95)
    assert (rack.order, rack.end_seq, rack.rtt) == (7, 3_000, 55)
    rack.on_delivered(sent(2_000, 50, 7), min_rtt=0, now=96)
    assert rack.end_seq == 3_000
    rack.on_delivered(sent(4_000, 50, 7), min_rtt=0, now=97)
    assert rack.end_seq == 4_000


def test_before_anything_was_delivered_nothing_is_known() -> None:
    rack = Rack()
    assert (rack.order, rack.end_seq, rack.rtt, rack.advanced, rack.dsack_seen) == (0, 0, 0, False, False)


@pytest.mark.rfc("8985", "04")
def test_a_retransmission_cannot_have_arrived_in_less_than_the_least_round_trip() -> None:
    rack = Rack()
    rack.on_delivered(sent(1_000, 50, 1, resent=1), min_rtt=30, now=79)
    assert not rack.advanced
    rack.on_delivered(sent(1_000, 50, 1, resent=1), min_rtt=30, now=80)
    assert rack.advanced
    rack.on_delivered(sent(2_000, 60, 2), min_rtt=30, now=61)
    assert rack.order == 2


@pytest.mark.rfc("8985", "02")
def test_the_window_widens_by_a_quarter_of_the_round_trip_for_each_round_with_a_dsack() -> None:
    rack = Rack()
    assert rack.reo_wnd(40 * MS, 50 * MS) == 10 * MS
    assert not rack.is_wide
    una, nxt = 1_000, 5_000
    for step in range(2, 5):
        rack.dsack_seen = True
        rack.adapt(una, nxt)
        assert rack.reo_wnd(40 * MS, 500 * MS) == 10 * MS * step
        rack.dsack_seen = True
        rack.adapt(nxt - 1, nxt + 1)  # the same round trip
        assert rack.reo_wnd(40 * MS, 500 * MS) == 10 * MS * step
        una, nxt = nxt, nxt + 4_000
    assert rack.reo_wnd(40 * MS, 35 * MS) == 35 * MS  # SRTT is the most
    assert rack.is_wide


@pytest.mark.rfc("8985", "02")
def test_a_wide_window_lasts_for_sixteen_recoveries() -> None:
    rack = Rack()
    rack.dsack_seen = True
    rack.adapt(0, 100)
    for _ in range(PERSIST_RECOVERIES - 1):
        rack.on_recovered()
        rack.adapt(200, 300)
        assert rack.is_wide
    rack.on_needless_recovery()  # one more that it should last
    rack.on_recovered()
    rack.adapt(200, 300)
    assert rack.is_wide
    rack.on_recovered()
    rack.adapt(200, 300)
    assert not rack.is_wide
    assert rack.reo_wnd(40 * MS, 50 * MS) == 10 * MS


def test_the_window_has_a_limit() -> None:
    rack = Rack()
    for i in range(2 * MAX_STEPS):
        rack.dsack_seen = True
        rack.adapt(i, i + 1)
    assert rack.reo_wnd(4, 1 << 40) == MAX_STEPS
