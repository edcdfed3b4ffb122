"""Opening: what SYN-SENT makes of each segment, and what a connection begins with; at the edges of each condition."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.errors import Accepted, CloseReason, DropReason
from netarium.base.profiles import profile
from netarium.base.trace import StateChanged
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import handshake, negotiate
from netarium.transport.tcp.state import CLOSED, ESTABLISHED, SYN_RECEIVED, SYN_SENT
from netarium.transport.tcp.tcb import LOSS, Tcb
from netarium.wire.tcp import ACK, CWR, ECE, FIN, RST, SYN, TcpSegment

ISS, IRS = 100, 7_000
SENT = 5 * SECOND
NOW = SENT + 30 * MS


def opening(name: str = "linux", *, options: SocketOptions | None = None, **settings: Any) -> Tcb:
    """Our SYN left at 5 s; it offers everything."""
    tcb = Tcb(4, replace(profile(name), **settings), options or SocketOptions(), 1, "here", None)
    tcb.our_mss = tcb.path_mss = 1_460
    handshake.open_active(tcb, ISS, SENT)
    leave(tcb)
    return tcb


def leave(tcb: Tcb, octets: int = 0) -> None:
    """The SYN leaves, with so many octets."""
    tcb.syn_pending = tcb.output = False
    tcb.snd_nxt = ISS + 1 + octets
    tcb.scoreboard.add(ISS, ISS + 1, SENT)
    if octets:
        tcb.sendbuf.append(bytes(octets))
        tcb.scoreboard.add(ISS + 1, ISS + 1 + octets, SENT)
        tcb.syn_data = octets
    tcb.syn_sent_at = SENT
    tcb.rexmit_at = SENT + SECOND


def segment(flags: int = SYN | ACK, *, seq: int = IRS, ack: int = ISS + 1, **more: Any) -> TcpSegment:
    return TcpSegment(80, 4_000, seq, ack, flags, more.pop("window", 500), **{"mss": 1_000, **more})


def arrives(tcb: Tcb, seg: TcpSegment, now: int = NOW) -> Any:
    return handshake.syn_sent_arrives(tcb, seg, now)


# --- our SYN ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deferred", [False, True])
def test_the_syn_is_due_unless_it_waits_for_text(deferred: bool) -> None:
    tcb = Tcb(4, profile("linux"), SocketOptions(), 1, "here", None)
    tcb.passive = True
    handshake.open_active(tcb, ISS, SENT, deferred=deferred)
    assert (tcb.state, tcb.passive, tcb.deferred) == (SYN_SENT, False, deferred)
    assert (tcb.syn_pending, tcb.output) == (not deferred, not deferred)
    assert (tcb.iss, tcb.snd_nxt) == (ISS, ISS)
    assert tcb.rcv_wind_shift == 7
    handshake.send_syn(tcb, SENT + 1)
    assert (tcb.deferred, tcb.syn_pending, tcb.output) == (False, True, True)
    assert (tcb.syn_ts, tcb.unacked_since) == (negotiate.timestamp(tcb, SENT + 1), SENT + 1)


@pytest.mark.parametrize(
    ("name", "options", "patience"),
    [
        ("linux", {}, 0),
        ("freebsd", {}, 75 * SECOND),
        ("freebsd", {"connect_timeout_ns": 9}, 9),
        ("linux", {"user_timeout_ns": 7, "connect_timeout_ns": 9}, 7),
    ],
)
def test_how_long_it_may_take(name: str, options: dict[str, int], patience: int) -> None:
    tcb = opening(name, options=SocketOptions(**options))
    assert tcb.user_timeout_at == (SENT + patience if patience else 0)


# --- SYN-SENT ---------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-11")
@pytest.mark.parametrize(
    ("flags", "ack", "fate", "refused", "state"),
    [
        (SYN | ACK, ISS + 1, Accepted.LOCAL, None, ESTABLISHED),
        (SYN | ACK, ISS, DropReason.TCP_BAD_ACK, ISS, SYN_SENT),
        (SYN | ACK, ISS + 2, DropReason.TCP_BAD_ACK, ISS + 2, SYN_SENT),
        (ACK, ISS, DropReason.TCP_BAD_ACK, ISS, SYN_SENT),
        (ACK, ISS + 1, DropReason.TCP_BAD_SEGMENT, None, SYN_SENT),
        (FIN | ACK, ISS + 1, DropReason.TCP_BAD_SEGMENT, None, SYN_SENT),
        (RST, 0, DropReason.TCP_BAD_RESET, None, SYN_SENT),
        (RST | ACK, ISS, DropReason.TCP_BAD_ACK, None, SYN_SENT),
        (RST | ACK, ISS + 1, Accepted.LOCAL, None, CLOSED),
        (RST | SYN | ACK, ISS + 1, Accepted.LOCAL, None, CLOSED),
        (SYN, 0, Accepted.LOCAL, None, SYN_RECEIVED),
        (SYN | RST, 0, DropReason.TCP_BAD_RESET, None, SYN_SENT),
        (0, 0, DropReason.TCP_BAD_SEGMENT, None, SYN_SENT),
    ],
)
def test_syn_sent(flags: int, ack: int, fate: Any, refused: int | None, state: Any) -> None:
    tcb = opening()
    assert arrives(tcb, segment(flags, ack=ack)) is fate
    assert (tcb.state, tcb.reset_ack) == (state, refused)
    assert tcb.error == (CloseReason.REFUSED.value if state is CLOSED else 0)
    if state is CLOSED:
        assert (tcb.rexmit_at, tcb.syn_pending, tcb.output) == (0, False, False)
    if state is SYN_RECEIVED:
        assert (tcb.snd_wnd, tcb.max_snd_wnd, tcb.syn_pending, tcb.output) == (500, 500, True, True)
        assert (tcb.rcv_nxt, tcb.peer_mss) == (IRS + 1, 1_000)


@pytest.mark.parametrize(
    ("name", "timeouts", "armed", "soon"),
    [("linux", 0, True, True), ("linux", 1, True, False), ("linux", 0, False, False), ("rfc", 0, True, True), ("freebsd", 0, True, False)],
)  # fmt: skip
def test_after_a_bad_ack_the_syn_is_sent_again_at_once(
    name: str, timeouts: int, armed: bool, soon: bool
) -> None:
    tcb = opening(name)
    tcb.rexmit_count = timeouts
    tcb.rexmit_at = SENT + SECOND if armed else 0
    arrives(tcb, segment(ack=ISS))
    assert tcb.rexmit_at == (NOW + 2 * MS if soon else SENT + SECOND if armed else 0)
    if soon:
        tcb.rexmit_at = NOW + 1
        arrives(tcb, segment(ack=ISS))
        assert tcb.rexmit_at == NOW + 1, "not later"


@pytest.mark.parametrize(
    ("echo", "settings", "good"),
    [
        (0, {}, True),  # of the SYN,
        (30, {}, True),  # of any later one
        (31, {}, False),
        (-1, {}, False),
        (-1, {"wary_of_syn_acks": False}, True),
        (-1, {"timestamps": False}, True),
        (None, {}, True),
    ],
)
def test_an_echo_of_what_was_never_sent(echo: int | None, settings: dict[str, Any], good: bool) -> None:
    tcb = opening(**settings)
    stamp = 0 if echo is None else (tcb.syn_ts + echo) & 0xFFFF_FFFF
    fate = arrives(tcb, segment(ts_val=9, ts_ecr=stamp))
    assert fate is (Accepted.LOCAL if good else DropReason.TCP_BAD_ECHO)
    assert tcb.reset_ack == (None if good else ISS + 1)


@pytest.mark.parametrize(
    ("options", "change", "at_once"),
    [
        ({}, {}, True),
        ({"defer_accept": 1}, {}, False),
        ({}, {"write_pending": True}, False),
        ({"quickack": False}, {}, False),
    ],
)
def test_when_the_third_segment_waits_for_text(
    options: dict[str, Any], change: dict[str, Any], at_once: bool
) -> None:
    tcb = opening(options=SocketOptions(**options))
    for name, value in change.items():
        setattr(tcb, name, value)
    arrives(tcb, segment())
    assert (tcb.ack_now, tcb.output) == (at_once, True)
    if not at_once:
        assert (tcb.ack_scheduled, tcb.delack_at) == (True, NOW + 200 * MS)
        assert tcb.quickacks > 0


# --- what was in our SYN ----------------------------------------------------------------------------------------------


@pytest.mark.rfc("7413", "08")
@pytest.mark.parametrize(("acked", "all_"), [(10, True), (9, False), (4, False), (1, False), (0, False)])
def test_the_text_of_our_syn(acked: int, all_: bool) -> None:
    tcb = opening()
    tcb.scoreboard.acknowledge(ISS + 1)
    tcb.start_sending(ISS)
    leave(tcb, 10)
    assert arrives(tcb, segment(ack=ISS + 1 + acked)) is Accepted.LOCAL
    assert (tcb.snd_una, tcb.octets_acked) == (ISS + 1 + acked, 1 + acked)
    assert (len(tcb.sendbuf), tcb.syn_data_acked) == (10 - acked, all_)
    assert (tcb.rexmit_at, tcb.ack_now) == (0, all_)
    if all_:
        assert (tcb.unacked_since, tcb.force_retransmit) == (0, False)
    else:
        assert (tcb.force_retransmit, tcb.recovery, tcb.scoreboard.segs_lost) == (True, LOSS, 1)


# --- established ------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-16")
def test_what_a_connection_begins_with() -> None:
    tcb = opening()
    tcb.user_timeout_at, tcb.soft_error, tcb.rexmit_count = 9, 5, 0
    arrives(tcb, segment(wscale=4, ts_val=60, ts_ecr=tcb.syn_ts, sack_permitted=True))
    assert (tcb.state, tcb.snd_una, tcb.octets_acked) == (ESTABLISHED, ISS + 1, 1)
    assert (tcb.snd_wnd, tcb.max_snd_wnd) == (500, 500), "in a SYN it is not scaled"
    assert (tcb.snd_wl1, tcb.snd_wl2) == (IRS, ISS + 1)
    assert (tcb.advmss, tcb.congestion.cwnd) == (1_448, 10 * tcb.smss)
    assert (tcb.rexmit_at, tcb.unacked_since, tcb.user_timeout_at, tcb.soft_error) == (0, 0, 0, 0)
    assert (tcb.keepalive_at, tcb.last_sent_at, tcb.recover) == (0, NOW, ISS)
    assert (tcb.rtt.srtt, tcb.rack.rtt) == (30 * MS, 30 * MS)
    assert tcb.last_data_at == NOW


def test_of_a_passive_one_the_window_is_scaled() -> None:
    tcb = opening()
    tcb.passive = True
    tcb.state = SYN_RECEIVED
    tcb.start_receiving(IRS, 1_000)
    tcb.snd_wind_shift, tcb.max_snd_wnd = 4, 9_000
    tcb.sack_ok = True
    handshake.establish(tcb, segment(ACK, seq=IRS + 1), NOW)
    assert (tcb.snd_wnd, tcb.max_snd_wnd) == (8_000, 9_000)
    assert (tcb.octets_acked, tcb.rack.rtt) == (0, 0)


@pytest.mark.parametrize(
    ("asked", "always", "runs"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_keep_alive_begins_with_the_connection(asked: bool, always: bool, runs: bool) -> None:
    tcb = opening(options=SocketOptions(keepalive=asked), keepalive_always=always)
    arrives(tcb, segment())
    assert (tcb.keepalive_at > NOW) == runs


def test_who_closed_meanwhile_has_a_fin_to_send() -> None:
    tcb = opening()
    tcb.fin_queued = True
    arrives(tcb, segment())
    assert tcb.state.value == "FIN_WAIT1"


@pytest.mark.parametrize("uto", [True, False])
def test_who_asks_for_it_tells_of_the_user_timeout(uto: bool) -> None:
    tcb = opening(options=SocketOptions(uto=uto))
    arrives(tcb, segment())
    assert tcb.uto_due == uto


@pytest.mark.rfc("3168", "02")
@pytest.mark.parametrize(
    ("flags", "agreed"),
    [(SYN | ACK | ECE, True), (SYN | ACK | ECE | CWR, False), (SYN | ACK, False), (SYN | ECE | CWR, True)],
)
def test_ecn_is_agreed_on(flags: int, agreed: bool) -> None:
    tcb = opening(ecn=1)
    arrives(tcb, segment(flags))
    assert tcb.ecn_ok == agreed


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (SYN | ACK, ["ESTABLISHED: SYN acknowledged", "FIN_WAIT1: close()"]),
        (SYN, ["SYN_RECV: SYN received"]),
        (RST | ACK, ["CLOSED: RST received"]),
    ],
)
def test_why_is_told(flags: int, why: list[str]) -> None:
    tcb = Tcb(4, profile("linux"), SocketOptions(), 1, "here", None)
    seen: list[str] = []
    trace: Any = SimpleNamespace(
        emit=lambda event: (
            seen.append(f"{event.new}: {event.why}") if isinstance(event, StateChanged) else None
        )
    )
    tcb.trace = trace
    tcb.our_mss = tcb.path_mss = 1_460
    handshake.open_active(tcb, ISS, SENT)
    leave(tcb)
    tcb.fin_queued = flags == SYN | ACK
    arrives(tcb, segment(flags))
    assert seen == ["SYN_SENT: connect()", *why]


# --- the first round trip ---------------------------------------------------------------------------------------------


@pytest.mark.rfc("6298", "03")
@pytest.mark.parametrize(
    ("timeouts", "resent", "ts", "ago", "rtt"),
    [
        (0, 0, False, None, 30),
        (0, 0, True, 30, 30),
        (1, 1, False, None, 0),  # Karn
        (0, 1, False, None, 0),
        (1, 1, True, 20, 20),  # the timestamp tells which was answered
        (0, 1, True, 20, 20),
        (1, 1, True, 0, 1),
        (1, 1, True, None, 0),
    ],
)
def test_the_first_round_trip(timeouts: int, resent: int, ts: bool, ago: int | None, rtt: int) -> None:
    tcb = opening()
    tcb.rexmit_count = timeouts
    tcb.scoreboard.oldest.resent = resent
    echo = 0 if ago is None else negotiate.timestamp(tcb, NOW) - ago
    arrives(tcb, segment(ts_val=9 if ts else None, ts_ecr=echo))
    assert tcb.rtt.srtt == rtt * MS
    assert tcb.rexmit_count == 0


def test_an_answer_at_the_same_instant_is_no_round_trip() -> None:
    tcb = opening()
    arrives(tcb, segment(), SENT)
    assert tcb.rtt.srtt == 0


@pytest.mark.parametrize(
    ("name", "ts", "rtt"),
    [("linux", False, 30), ("linux", True, 30), ("freebsd", False, 0), ("freebsd", True, 30)],
)
def test_that_of_a_passive_one(name: str, ts: bool, rtt: int) -> None:
    tcb = opening(name)
    tcb.passive, tcb.ts_ok = True, ts
    tcb.state = SYN_RECEIVED
    tcb.start_receiving(IRS, 1_000)
    stamp = {"ts_val": 9, "ts_ecr": tcb.syn_ts} if ts else {}
    handshake.establish(tcb, segment(ACK, seq=IRS + 1, **stamp), NOW)
    assert tcb.rtt.srtt == rtt * MS


@pytest.mark.parametrize(("ago", "rtt"), [(0x7FFF_FFFF, 0x7FFF_FFFF), (0x8000_0000, 0), (-1, 0)])
def test_an_echo_of_the_future_is_no_round_trip(ago: int, rtt: int) -> None:
    tcb = opening(wary_of_syn_acks=False)
    tcb.rexmit_count = 1
    echo = (negotiate.timestamp(tcb, NOW) - ago) & 0xFFFF_FFFF
    arrives(tcb, segment(ts_val=9, ts_ecr=echo))
    assert tcb.rtt.srtt == rtt * MS


@pytest.mark.parametrize(("later", "losses"), [(0, 0), (1, 3)])
def test_an_answer_to_the_first_of_several_syns_says_that_none_was_lost(later: int, losses: int) -> None:
    tcb = opening()
    tcb.syn_losses = tcb.rexmit_count = 3
    arrives(tcb, segment(ts_val=9, ts_ecr=tcb.syn_ts + later))
    assert tcb.syn_losses == losses
    assert tcb.congestion.cwnd == (1 if losses else 10) * tcb.smss


# --- opened fast ------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("7413", "08")
def test_a_connection_that_opens_fast() -> None:
    tcb = Tcb(4, profile("linux"), SocketOptions(), 1, "here", None)
    tcb.our_mss = tcb.path_mss = 1_460
    tcb.peer_mss = 1_000
    tcb.passive = True
    tcb.start_sending(ISS)
    tcb.start_receiving(IRS, 60_000)
    handshake.open_fast(tcb, segment(SYN, window=900, payload=b"hello"), SENT)
    assert tcb.fast_opened
    assert (tcb.snd_una, tcb.snd_nxt, tcb.snd_wnd, tcb.max_snd_wnd) == (ISS + 1, ISS + 1, 900, 900)
    assert (tcb.snd_wl1, tcb.snd_wl2, tcb.syn_sent_at) == (IRS, ISS + 1, SENT)
    assert (tcb.rcv_queued, tcb.rcv_nxt, tcb.syn_data_acked) == (5, IRS + 6, True)
    assert (tcb.syn_pending, tcb.output, bool(tcb.scoreboard)) == (True, True, False)
    assert tcb.last_sent_at == SENT
    tcb.state = SYN_RECEIVED
    tcb.octets_acked = 0
    tcb.congestion.cwnd = 77
    handshake.establish(tcb, segment(ACK, seq=IRS + 6), NOW)
    assert (tcb.state, tcb.octets_acked, tcb.congestion.cwnd) == (ESTABLISHED, 0, 77), "it has begun already"
    assert tcb.rtt.srtt == 30 * MS
