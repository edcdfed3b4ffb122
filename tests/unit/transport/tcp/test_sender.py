"""What the sender reckons from the control block alone: the number of a bare segment, whether there is more to say."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import sender
from netarium.transport.tcp.boundaries import Boundaries
from netarium.transport.tcp.outgoing import Outgoing
from netarium.transport.tcp.state import ESTABLISHED, SYN_SENT
from netarium.transport.tcp.tcb import DISORDER, Tcb
from netarium.wire.tcp import ACK

NOW = 5 * SECOND


def established(**config: Any) -> Tcb:
    """Nothing is in flight; the peer takes 500 octets."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.start_sending(999)
    tcb.snd_una = tcb.snd_nxt = 1_000
    tcb.snd_wnd = 500
    tcb.state = ESTABLISHED
    return tcb


@pytest.mark.rfc("9293", "SHLD-14")
@pytest.mark.parametrize(
    ("snd_nxt", "scaled", "shift", "seq"),
    [
        (1_499, False, 0, 1_499),
        (1_500, False, 0, 1_500),
        (1_501, False, 0, 1_500),  # it would lie outside of the window that the peer has now
        (1_501, False, 7, 1_500),
        (1_501, True, 0, 1_500),
        (1_627, True, 7, 1_627),  # so little may have been lost by scaling
        (1_628, True, 7, 1_500),
        (1_700, True, 7, 1_500),
    ],
)
def test_the_number_of_a_segment_without_text(snd_nxt: int, scaled: bool, shift: int, seq: int) -> None:
    tcb = established()
    tcb.snd_nxt, tcb.wscale_ok, tcb.rcv_wind_shift = snd_nxt, scaled, shift
    assert sender.acceptable_seq(tcb) == seq
    tcb.config = replace(tcb.config, ack_form="plain")
    assert sender.acceptable_seq(tcb) == snd_nxt


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ack_now", True),
        ("fin_queued", True),
        ("recovery", DISORDER),
        ("paced", True),
        ("tlp_due", True),
        ("probe_due", 1),
        ("syn_pending", True),
        ("chunk_rest", Outgoing(1_000, ACK, b"")),
    ],
)
def test_nothing_more_is_to_be_said_only_if_nothing_is_due(field: str, value: object) -> None:
    tcb = established()
    assert sender.was_last(tcb)
    setattr(tcb, field, value)
    assert not sender.was_last(tcb)


def test_nothing_more_is_to_be_said_when_all_has_left_the_fin_included() -> None:
    tcb = established()
    tcb.sendbuf.append(b"ab")
    assert not sender.was_last(tcb)
    tcb.snd_nxt = 1_001
    assert not sender.was_last(tcb)
    tcb.snd_nxt = 1_002
    assert sender.was_last(tcb)
    tcb.fin_queued = True
    assert not sender.was_last(tcb)
    tcb.fin_seq, tcb.snd_nxt = 1_002, 1_003
    assert sender.was_last(tcb)


def test_an_octet_of_a_probe_that_was_taken_was_sent() -> None:
    tcb = established()
    tcb.sendbuf.append(b"ab")
    tcb.boundaries = Boundaries(1_000)
    tcb.octet_probed, tcb.octets_sent = True, 7
    sender.count_probe(tcb, NOW)
    assert (tcb.snd_nxt, tcb.octets_sent, tcb.octet_probed) == (1_001, 8, False)
    assert (tcb.scoreboard.segs_out, tcb.last_sent_at, tcb.unacked_since) == (1, NOW, NOW)


@pytest.mark.parametrize(
    ("waits", "timer"),
    [("data", "persist_at"), ("fin", "persist_at"), ("nothing", None), ("syn", "rexmit_at")],
)
def test_without_a_way_a_timer_brings_it_back(waits: str, timer: str | None) -> None:
    tcb = established()
    tcb.output = True
    if waits == "data":
        tcb.sendbuf.append(b"x")
    elif waits == "fin":
        tcb.fin_queued = True
    elif waits == "syn":
        tcb.state = SYN_SENT
    sender.postpone(tcb, NOW)
    assert tcb.output is False
    running = {name: getattr(tcb, name) for name in ("persist_at", "rexmit_at") if getattr(tcb, name)}
    assert running == ({timer: NOW + tcb.rtt.rto} if timer else {})


@pytest.mark.parametrize("timer", ["persist_at", "rexmit_at"])
def test_without_a_way_a_timer_that_runs_is_enough(timer: str) -> None:
    tcb = established()
    tcb.sendbuf.append(b"x")
    setattr(tcb, timer, NOW + 1)
    sender.postpone(tcb, NOW)
    assert (tcb.persist_at, tcb.rexmit_at) == ((NOW + 1, 0) if timer == "persist_at" else (0, NOW + 1))


def test_resting_asks_no_more() -> None:
    tcb = established()
    tcb.output = True
    sender.rest(tcb, NOW)
    assert tcb.output is False
