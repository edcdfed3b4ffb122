"""A record of TIME-WAIT by itself: what it answers, what ends it, who takes its place; and FIN-WAIT-2's coarse judge."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.errors import Accepted, DropReason, Fate
from netarium.base.profiles import profile
from netarium.base.units import MS, SECOND
from netarium.ip.packet import IpPacket
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import finwait2
from netarium.transport.tcp.finwait2 import Verdict
from netarium.transport.tcp.tcb import Tcb
from netarium.transport.tcp.timewait import TimeWait, Waiting
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpSegment

US, PEER = b"\x0a\0\0\1", b"\x0a\0\0\2"
KEY = PEER + US + (4_000).to_bytes(2, "big") + (80).to_bytes(2, "big")
OURS, THEIRS = 0xFFFF_FFFE, 500  # what we send next, what we expect
TS = 70
NOW = 100 * SECOND
PACKET = IpPacket(PEER, US, 6, 64, 0, b"", b"", b"", None)  # type: ignore[arg-type]


class Layer:
    """It writes down what it is asked for."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        self.config = replace(profile(name), **settings)
        self.sent: list[tuple[Any, ...]] = []
        self.asked: list[Any] = []
        self.listens = True

    def send_bare(self, *what: Any, tos: int = 0) -> None:
        self.sent.append((*what, tos))

    def forget_time_wait(self, flow: TimeWait, now: int) -> None:
        self.asked.append(("forget", now))

    def wait_again(self, flow: TimeWait, until: int) -> None:
        self.asked.append(("wait", until))

    def has_listener(self, address: bytes, port: int) -> bool:
        assert (address, port) == (US, 80)
        return self.listens

    def on_new_syn(self, seg: TcpSegment, packet: IpPacket, now: int, least_iss: int) -> Fate:
        self.asked.append(("syn", now, least_iss))
        return Accepted.LOCAL


def waiting(name: str = "linux", *, ts: bool = True, **settings: Any) -> tuple[TimeWait, Layer]:
    layer: Any = Layer(name, settings)
    tcb = Tcb(4, layer.config, SocketOptions(), 9, "here", None)
    tcb.start_sending((1 << 32) + OURS - 1)
    tcb.snd_nxt += 1
    tcb.start_receiving((3 << 32) + THEIRS - 1, 0x8_0000)
    tcb.rcv_wind_shift = 3
    tcb.ts_ok, tcb.ts_offset, tcb.ts_recent = ts, 0x1_0000_0005, TS
    flow: Any = SimpleNamespace(key=KEY)
    return TimeWait(layer, flow, tcb, SocketOptions(tos=0x10), NOW), layer


def segment(flags: int = ACK, seq: int = THEIRS, size: int = 0, **more: Any) -> TcpSegment:
    return TcpSegment(
        4_000,
        80,
        seq,
        **{"ack": OURS, "flags": flags, "window": 5, "ts_val": TS, **more},
        payload=bytes(size),
    )


# --- what it keeps ----------------------------------------------------------------------------------------------------


def test_what_it_keeps() -> None:
    record, _ = waiting()
    assert record.numbers == (OURS, THEIRS, 5, TS, 0xFFFF, True)
    assert (record.id, record.key, record.version, record.state_name) == (9, KEY, 4, "TIME_WAIT")
    assert (record.local, record.remote) == ((US, 80), (PEER, 4_000))
    assert record.expires_at == NOW + 60 * SECOND
    assert record.successor == ((OURS + 0x1_0002) & 0xFFFF_FFFF, TS)
    assert waiting(ts=False)[0].successor is None
    assert waiting("rfc")[0].expires_at == NOW + 240 * SECOND
    assert not record.on_icmp_error(SimpleNamespace(kind="unreachable", code=3), OURS, NOW)  # type: ignore[arg-type]


def test_of_the_other_family() -> None:
    record, _ = waiting()
    record.key = bytes(range(16)) + bytes(range(16, 32)) + KEY[-4:]
    assert (record.version, record.local, record.remote) == (
        6,
        (bytes(range(16, 32)), 80),
        (bytes(range(16)), 4_000),
    )


def test_its_time_is_over() -> None:
    record, layer = waiting()
    record.on_deadline(NOW + 5)
    assert layer.asked == [("forget", NOW + 5)]


# --- what it answers --------------------------------------------------------------------------------------------------

ANSWER = ((US, 80), (PEER, 4_000), OURS, THEIRS, ACK, 0xFFFF)


@pytest.mark.rfc("9293", "MUST-13")
@pytest.mark.parametrize(
    ("flags", "seq", "size", "linux", "freebsd"),
    [
        (ACK, THEIRS, 0, False, False),
        (ACK, THEIRS, 1, True, True),
        (ACK, THEIRS - 1, 0, True, True),
        (ACK, THEIRS + 1, 0, True, True),
        (PSH | ACK, THEIRS, 0, False, True),  # all but the exact ACK
        (FIN | ACK, THEIRS, 0, True, True),
        (FIN | ACK, THEIRS - 1, 0, True, True),
        (SYN, THEIRS, 0, True, False),
        (SYN | ACK, THEIRS + 9, 0, True, True),
        (0, THEIRS, 0, False, False),
        (0, THEIRS, 1, True, False),
    ],
)
def test_what_is_answered(flags: int, seq: int, size: int, linux: bool, freebsd: bool) -> None:
    for name, answered in (("linux", linux), ("freebsd", freebsd)):
        record, layer = waiting(name)
        assert record.on_segment(segment(flags, seq, size), PACKET, NOW + 1) is DropReason.TCP_TIME_WAIT
        assert [one[:6] for one in layer.sent] == [ANSWER] * answered, name
        if answered:
            options, at, tos = layer.sent[0][6:]
            assert (at, tos) == (NOW + 1, 0x10)
            assert options[-8:] == (NOW // MS + 5).to_bytes(4, "big") + TS.to_bytes(4, "big")


def test_where_no_timestamps_were_agreed_on_none_is_told() -> None:
    record, layer = waiting(ts=False)
    record.on_segment(segment(size=1, ts_val=None), PACKET, NOW)
    assert layer.sent[0][6] == b""
    assert record.on_segment(segment(ts_val=TS - 1), PACKET, NOW) is DropReason.TCP_TIME_WAIT
    assert len(layer.sent) == 1, "nor looked at"


@pytest.mark.parametrize(("ack", "answered"), [(OURS, False), (OURS - 1, True), (OURS + 1, True)])
def test_the_exact_ack(ack: int, answered: bool) -> None:
    record, layer = waiting("freebsd")
    record.on_segment(segment(ack=ack), PACKET, NOW)
    assert bool(layer.sent) == answered
    record, layer = waiting()
    record.on_segment(segment(ack=ack), PACKET, NOW)
    assert not layer.sent


@pytest.mark.rfc("7323", "06")
@pytest.mark.parametrize(
    ("behind", "answered"), [(0, False), (1, True), (-1, False), (0x7FFF_FFFF, True), (0x8000_0000, False)]
)
def test_what_is_from_the_past_is_answered(behind: int, answered: bool) -> None:
    record, layer = waiting()
    record.on_segment(segment(ts_val=(TS - behind) & 0xFFFF_FFFF), PACKET, NOW)
    assert bool(layer.sent) == answered


@pytest.mark.rfc("5961", "04")
@pytest.mark.parametrize(
    ("flags", "size", "times"),
    [
        (ACK, 0, [0, 500]),
        (SYN, 0, [0, 500]),
        (SYN, 5, [0, 500]),
        (ACK, 5, [0, 1, 499, 500]),
        (FIN | ACK, 0, [0, 1, 499, 500]),
    ],
)
def test_what_has_no_text_is_answered_rarely(flags: int, size: int, times: list[int]) -> None:
    record, layer = waiting()
    for at in (0, 1, 499, 500):
        record.on_segment(segment(flags, THEIRS - 20, size), PACKET, NOW + at * MS)
    assert [(one[7] - NOW) // MS for one in layer.sent] == times


def test_the_first_answer_of_all_is_not_limited() -> None:
    record, layer = waiting()
    record.on_segment(segment(seq=THEIRS - 20), PACKET, 2)
    assert len(layer.sent) == 1


# --- what ends it, or begins it anew ----------------------------------------------------------------------------------


@pytest.mark.rfc("1337", "01")
@pytest.mark.parametrize(
    ("seq", "ts_val", "rfc1337", "ends"),
    [
        (THEIRS, TS, False, True),
        (THEIRS, TS, True, False),
        (THEIRS + 1, TS, False, False),
        (THEIRS - 1, TS, False, False),
        (THEIRS, TS - 1, False, False),
        (THEIRS, None, False, True),
    ],
)
def test_a_reset(seq: int, ts_val: int | None, rfc1337: bool, ends: bool) -> None:
    record, layer = waiting(rfc1337=rfc1337)
    assert record.on_segment(segment(RST, seq, ts_val=ts_val), PACKET, NOW + 1) is DropReason.TCP_TIME_WAIT
    assert layer.asked == [("forget", NOW + 1)] * ends
    assert layer.sent == []


@pytest.mark.parametrize(
    ("flags", "seq", "size", "again"),
    [
        (FIN | ACK, THEIRS - 1, 0, True),  # our ACK of it was lost
        (FIN | ACK, THEIRS - 4, 3, True),
        (FIN | ACK, THEIRS, 0, False),
        (FIN | ACK, THEIRS - 1, 1, False),
        (ACK, THEIRS - 1, 0, False),
    ],
)
def test_the_fin_that_comes_again_begins_the_wait_anew(flags: int, seq: int, size: int, again: bool) -> None:
    record, layer = waiting()
    record.on_segment(segment(flags, seq, size), PACKET, NOW + 7)
    assert layer.asked == [("wait", NOW + 7 + 60 * SECOND)] * again


@pytest.mark.rfc("6191", "01")
@pytest.mark.parametrize(
    ("seq", "ts_val", "newer"),
    [
        (THEIRS + 1, TS, True),  # the timestamp says nothing: its number does
        (THEIRS, TS, False),
        (THEIRS, TS + 1, True),
        (THEIRS - 9, TS + 0x7FFF_FFFF, True),
        (THEIRS + 1, TS + 0x8000_0000, False),
        (THEIRS + 1, TS - 1, False),
        (THEIRS + 1, None, True),
        (THEIRS, None, False),
    ],
)
def test_a_syn_of_a_later_incarnation(seq: int, ts_val: int | None, newer: bool) -> None:
    record, layer = waiting()
    fate = record.on_segment(segment(SYN, seq, ts_val=ts_val), PACKET, NOW + 1)
    assert fate is (Accepted.LOCAL if newer else DropReason.TCP_TIME_WAIT)
    assert layer.asked == ([("forget", NOW + 1), ("syn", NOW + 1, OURS + 0x1_0002)] if newer else [])


@pytest.mark.parametrize(
    ("name", "listens", "flags", "asked", "fate"),
    [
        ("linux", False, SYN, [], DropReason.TCP_TIME_WAIT),
        ("freebsd", False, SYN, ["forget", "syn"], Accepted.LOCAL),
        ("linux", True, SYN | ACK, [], DropReason.TCP_TIME_WAIT),
        ("linux", True, SYN | FIN, ["forget"], DropReason.TCP_BAD_SEGMENT),
        ("freebsd", True, SYN | FIN, ["forget", "syn"], Accepted.LOCAL),
    ],
)
def test_who_asks_whether_somebody_listens(
    name: str, listens: bool, flags: int, asked: list[str], fate: Any
) -> None:
    record, layer = waiting(name)
    layer.listens = listens
    assert record.on_segment(segment(flags, THEIRS + 5), PACKET, NOW) is fate
    assert [one[0] for one in layer.asked] == asked


# --- all of them ------------------------------------------------------------------------------------------------------


def test_they_end_in_the_order_in_which_they_began() -> None:
    (one, _), (two, _), (three, _) = waiting(), waiting(), waiting()
    all_ = Waiting()
    assert (len(all_), all_.first) == (0, None)
    ended: list[TimeWait] = []
    for record in (one, two, three):
        record._flows = SimpleNamespace(  # type: ignore[assignment]
            forget_time_wait=lambda record, now: (ended.append(record), all_.records.pop(record))
        )
        all_.add(record)
    one.expires_at, two.expires_at, three.expires_at = 30, 10, 20
    all_.add(one)  # it begins again
    assert (len(all_), all_.first) == (3, two)
    all_.on_deadline(9)
    assert ended == []
    all_.on_deadline(20)
    assert (ended, all_.first) == ([two, three], one)


# --- FIN-WAIT-2 without a process -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "seq", "size", "verdict"),
    [
        (FIN | ACK, 1_000, 0, Verdict.TAKE),
        (FIN | ACK, 990, 10, Verdict.TAKE),  # behind text that was here before
        (FIN | ACK, 990, 11, Verdict.REFUSE),
        (FIN | ACK, 999, 0, Verdict.ACKNOWLEDGE),
        (FIN | ACK, 1_001, 0, Verdict.REFUSE),
        (FIN, 1_000, 0, Verdict.DROP),
        (ACK, 1_000, 0, Verdict.DROP),
        (ACK, 999, 0, Verdict.ACKNOWLEDGE),
        (ACK, 1_050, 0, Verdict.DROP),
        (ACK, 1_100, 0, Verdict.DROP),  # at the right edge
        (ACK, 1_101, 0, Verdict.ACKNOWLEDGE),
        (ACK, 1_100, 1, Verdict.ACKNOWLEDGE),
        (ACK, 1_099, 1, Verdict.REFUSE),
        (ACK, 1_000, 1, Verdict.REFUSE),
        (ACK, 999, 1, Verdict.ACKNOWLEDGE),
        (ACK, 999, 2, Verdict.REFUSE),
        (RST, 1_000, 0, Verdict.END),
        (RST, 1_050, 0, Verdict.END),
        (RST, 999, 0, Verdict.ACKNOWLEDGE),
        (SYN, 1_000, 0, Verdict.REFUSE),
        (SYN, 1_050, 0, Verdict.REFUSE),
        (SYN, 999, 1, Verdict.DROP),
        (SYN | ACK, 999, 1, Verdict.REFUSE),
        (SYN | ACK, 998, 1, Verdict.ACKNOWLEDGE),
    ],
)
def test_the_judge_of_fin_wait_2(flags: int, seq: int, size: int, verdict: Verdict) -> None:
    tcb = Tcb(4, profile("linux"), SocketOptions(), 1, "here", None)
    tcb.start_receiving(999, 100)
    assert finwait2.judge(tcb, TcpSegment(1, 2, seq, 5, flags, 5, payload=bytes(size))) is verdict
