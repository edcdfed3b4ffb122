"""Which segments an open connection takes, and how it answers the others: the edges of each check, one beside the other."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import MachineConfig
from netarium.base.profiles import PROFILES
from netarium.base.units import MS, SECOND
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import Script

NEXT = 401  # what we expect: 100 octets were received and read
TS = 70_000


def opened(name: str = "linux", *, ts: bool = False, **settings: Any) -> Script:
    """100 octets came and were read; 200 octets of ours, 101 to 300, are out, of which 100 are acknowledged."""
    tcp = Script(MachineConfig(tcp=replace(PROFILES[name], **settings)))
    tcp.connect()
    stamp = {"ts": (TS, our_ts(tcp))} if ts else {}
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, sack_permitted=True, **stamp)
    tcp.inject(ACK | PSH, seq=301, ack=101, data=bytes(100), **stamp)
    tcp.recv()
    tcp.option(nodelay=True)
    tcp.send(bytes(100))
    tcp.send(bytes(100))
    tcp.inject(ACK, seq=NEXT, ack=201, **stamp)
    tcp._collect()
    tcp.seen.clear()
    return tcp


def our_ts(tcp: Script) -> int:
    return (tcp.now // MS + tcp.socket.tcb.ts_offset) & 0xFFFF_FFFF


def edge(tcp: Script) -> int:
    """The first number beyond the window that was offered."""
    return tcp.socket.tcb.rcv_adv


def outcome(tcp: Script) -> str:
    """How many octets were taken, what was acknowledged, and the answers."""
    tcp._collect()
    told = [f"+{tcp.socket.tcb.rcv_queued}"] if tcp.socket.tcb.rcv_queued else []
    if tcp.socket.tcb.reassembly:
        told.append("kept")
    if tcp.socket.tcb.snd_una == tcp.socket.tcb.snd_nxt:
        told.append("acked")
    if tcp.state.value != "ESTABLISHED":
        told.append(tcp.state.value)
    told += ["RST" if seg.flags & RST else "dsack" if seg.sack else "ACK" for seg in tcp.seen]
    return " ".join(told)


@pytest.mark.rfc("9293", "MUST-66")
@pytest.mark.parametrize(
    ("from_", "seq", "size", "told"),
    [
        ("next", 0, 0, "acked"),
        ("next", 0, 5, "+5 acked"),
        ("next", -1, 0, "ACK"),
        ("next", -1, 1, "acked dsack"),
        ("next", -1, 2, "+1 acked"),
        ("next", -100, 100, "acked dsack"),
        ("next", -100, 99, "dsack"),
        ("next", -101, 0, "ACK"),
        ("next", 1, 0, "acked"),
        ("next", 1, 5, "kept acked dsack"),
        ("edge", 0, 0, "acked"),
        ("edge", 0, 1, "acked ACK"),
        ("edge", -1, 1, "kept acked dsack"),
        ("edge", -1, 2, "kept acked dsack"),
        ("edge", 1, 0, "ACK"),
        ("edge", 1, 1, "ACK"),
    ],
)
def test_numbers(from_: str, seq: int, size: int, told: str) -> None:
    tcp = opened()
    tcp.inject(ACK, seq=(NEXT if from_ == "next" else edge(tcp)) + seq, ack=301, data=bytes(size))
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("ack", "told"),
    [
        (301, "acked"),
        (300, ""),
        (201, ""),
        (200, ""),
        (101, ""),
        (100, ""),  # our SYN was acknowledged once
        (99, "ACK"),
        (302, "ACK"),
        (0x8000_0000, "ACK"),
    ],
)
def test_acknowledgments(ack: int, told: str) -> None:
    """RFC 5961 §5.2: what acknowledges too much, or more than was ever in flight, is challenged."""
    tcp = opened()
    tcp.inject(ACK, seq=NEXT, ack=ack)
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("flags", "seq", "told"),
    [
        (RST, 0, "CLOSED"),
        (RST, 1, "ACK"),
        (RST, -1, ""),
        (RST | ACK, 0, "CLOSED"),
        (SYN, 0, "ACK"),
        (SYN, 5, "ACK"),
        (SYN, -5, "ACK"),
        (SYN | ACK, -101, "ACK"),
        (0, 0, ""),
        (PSH, 0, ""),
        (FIN, 0, ""),
        (FIN | ACK, 0, "acked CLOSE_WAIT"),
        (FIN | ACK, 1, "acked dsack"),
        (FIN | ACK, -1, "acked dsack"),
        (FIN | ACK, -2, "dsack"),
    ],
)
def test_flags(flags: int, seq: int, told: str) -> None:
    tcp = opened()
    tcp.inject(flags, seq=NEXT + seq, ack=301)
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("behind", "seq", "size", "told"),
    [
        (0, 0, 0, "acked"),
        (1, 0, 0, "acked"),  # clocks of a peer's processors may differ by a tick
        (2, 0, 0, "ACK"),
        (2, 0, 1, "ACK"),
        (1, 0, 1, "+1 acked"),
        (-0x7FFF_FFFF, 0, 0, "acked"),
        (0x7FFF_FFFF, 0, 0, "ACK"),
        (2, -1, 0, ""),  # old ACKs are common
        (2, -1, 1, "dsack"),
    ],
)
def test_timestamps(behind: int, seq: int, size: int, told: str) -> None:
    tcp = opened(ts=True)
    tcp.inject(ACK, seq=NEXT + seq, ack=301, data=bytes(size), ts=((TS - behind) & 0xFFFF_FFFF, our_ts(tcp)))
    assert outcome(tcp) == told


def test_an_ack_that_was_overtaken_harms_nothing() -> None:
    """Bare, in order, with the number that is known: it is taken if it is late by less than the RTO and a fifth of it."""
    tcp = opened(ts=True)
    limit = tcp.socket.tcb.rtt.rto * 6 // 5 // MS
    for behind, ack, window, told in (
        (limit, 201, 65_535, ""),
        (limit + 1, 201, 65_535, "ACK"),
        (limit, 201, 65_534, ""),
        (limit, 201, 0, "ACK"),  # it might close the window
        (limit, 200, 65_535, "ACK"),
    ):
        tcp = opened(ts=True)
        tcp.inject(ACK, seq=NEXT, ack=ack, window=window, ts=(TS - behind, our_ts(tcp)))
        assert outcome(tcp) == told


@pytest.mark.parametrize(("days", "told"), [(23, "ACK"), (25, "acked")])
def test_after_24_days_a_timestamp_says_nothing(days: int, told: str) -> None:
    tcp = opened(ts=True)
    tcp.inject(ACK, seq=NEXT, ack=301, ts=(TS, our_ts(tcp)))
    tcp.advance(days * 86_400 * SECOND)
    tcp.send(b"x")
    tcp._collect()
    tcp.seen.clear()
    tcp.inject(ACK, seq=NEXT, ack=302, ts=(TS - 50_000, our_ts(tcp)))
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("seq", "size", "echoed"),
    [(0, 0, TS + 5), (0, 10, TS + 5), (-10, 20, TS + 5), (1, 10, TS), (50, 0, TS)],
)
def test_which_timestamp_is_echoed(seq: int, size: int, echoed: int) -> None:
    """RFC 7323 §4.3 (2): that of a segment which begins at or before the last ACK sent."""
    tcp = opened(ts=True)
    tcp.inject(ACK, seq=NEXT + seq, ack=301, data=bytes(size), ts=(TS + 5, our_ts(tcp)))
    tcp._collect()
    tcp.seen.clear()
    tcp.send(b"x")
    tcp._collect()
    assert tcp.seen[-1].ts_ecr == echoed


@pytest.mark.parametrize(
    ("seq", "ack", "window", "known"),
    [
        (0, 301, 500, 500),
        (0, 201, 70, 65_535),  # as old as what is known, and smaller: it may have been overtaken
        (0, 201, 0, 0),
        (1, 201, 70, 70),
        (0, 200, 70, 65_535),
    ],
)
def test_windows(seq: int, ack: int, window: int, known: int) -> None:
    tcp = opened()
    tcp.inject(ACK, seq=NEXT + seq, ack=ack, window=window)
    assert tcp.socket.info(tcp.now).tcpi_snd_wnd == known


def test_challenges_are_rare() -> None:
    for flags, seq in ((RST, 5), (SYN, 5)):
        tcp = opened()
        tcp.inject(flags, seq=NEXT + seq)
        tcp.inject(flags, seq=NEXT + seq)
        tcp.advance(150 * MS)
        tcp.inject(flags, seq=NEXT + seq)
        tcp._collect()
        assert len([seg for seg in tcp.seen if not len(seg.payload)]) == 1


# --- as the BSDs do it: what does not fit is cut off (RFC 9293 §3.9, RFC 5961) ------------------------------------


def free(tcp: Script) -> int:
    """The first number that there is no room for: there the window ends, whatever was offered."""
    return max(NEXT + tcp.socket.tcb.rcv_buf, edge(tcp))


@pytest.mark.parametrize(
    ("from_", "seq", "size", "told"),
    [
        ("next", 0, 0, "acked"),
        ("next", 0, 5, "+5 acked"),
        ("next", -1, 0, "acked ACK"),
        ("next", -1, 1, "acked dsack"),
        ("next", -1, 2, "+1 acked dsack"),
        ("next", -100, 100, "acked dsack"),
        ("next", -100, 50, "acked dsack"),
        ("next", 1, 5, "kept acked dsack"),
        ("edge", 0, 0, "acked"),
        ("edge", 0, 1, "ACK"),
        ("edge", -1, 1, "kept acked dsack"),
        ("edge", -1, 2, "kept acked dsack"),
        ("edge", 1, 0, "ACK"),
    ],
)
def test_numbers_where_segments_are_trimmed(from_: str, seq: int, size: int, told: str) -> None:
    tcp = opened("freebsd")
    tcp.inject(ACK, seq=(NEXT if from_ == "next" else free(tcp)) + seq, ack=301, data=bytes(size))
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("flags", "seq", "told"),
    [
        (RST, 0, "CLOSED"),
        (RST, 1, "ACK"),
        (RST, -1, ""),
        (SYN, 0, "ACK"),
        (SYN, -400, "ACK"),
        (FIN, 0, ""),
        (FIN | ACK, 0, "acked CLOSE_WAIT ACK"),
        (FIN | ACK, -1, "acked ACK"),
        (FIN | ACK, -2, "acked ACK"),
    ],
)
def test_flags_where_segments_are_trimmed(flags: int, seq: int, told: str) -> None:
    tcp = opened("freebsd")
    tcp.inject(flags, seq=NEXT + seq, ack=301)
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("behind", "size", "told"),
    [
        (0, 0, "acked"),
        (1, 0, ""),
        (1, 1, "ACK"),
        (-5, 1, "+1 acked"),
        (0x7FFF_FFFF, 0, ""),
        (-0x7FFF_FFFF, 0, "acked"),
    ],
)
def test_timestamps_where_segments_are_trimmed(behind: int, size: int, told: str) -> None:
    tcp = opened("freebsd", ts=True)
    tcp.inject(ACK, seq=NEXT, ack=301, data=bytes(size), ts=((TS - behind) & 0xFFFF_FFFF, our_ts(tcp)))
    assert outcome(tcp) == told


@pytest.mark.parametrize(
    ("where", "told"), [(0, "CLOSED"), (1, "ACK"), (-1, ""), ("last", "ACK"), ("edge", "")]
)
def test_resets_where_segments_are_trimmed(where: Any, told: str) -> None:
    tcp = opened("freebsd")
    room = free(tcp) - NEXT
    tcp.inject(RST, seq=NEXT + {"last": room - 1, "edge": room}.get(where, where))
    assert outcome(tcp) == told
