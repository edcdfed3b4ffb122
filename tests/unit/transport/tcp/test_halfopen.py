"""A half-open connection by itself: what it asks of layer and listener, and the edges of each of its questions."""

from collections import deque
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.errors import Accepted, DropReason
from netarium.base.profiles import profile
from netarium.base.units import MS, SECOND
from netarium.ip.packet import IpPacket
from netarium.transport.endpoint import Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, TcpSegment

US, PEER = b"\x0a\0\0\1", b"\x0a\0\0\2"
IRS, ISS = 300, 7_000
NOW = 5 * SECOND
LEFT = IRS + 1
TOS = 0xB9  # a class of service, and one bit of ECN


class Surroundings:
    """Layer and listener at once: they write down what they are asked for."""

    def __init__(self, config: TcpConfig, options: SocketOptions) -> None:
        self.config = config
        self.trace = None
        self.notifier = Notifier()
        self.endpoint: Any = SimpleNamespace(options=options)
        self.ready: deque[Any] = deque()
        self.sent: list[tuple[int, int, int, int]] = []  # flags, seq, ack, window
        self.options: list[bytes] = []
        self.tos: list[int] = []
        self.due: int | None = None
        self.asked: list[str] = []
        self.is_full = False
        self.defer_retries = options.defer_accept
        self.retries = 5

    def send_bare(
        self,
        local: tuple[bytes, int],
        remote: tuple[bytes, int],
        seq: int,
        ack: int,
        flags: int,
        window: int,
        options: bytes,
        now: int,
        *,
        tos: int = 0,
    ) -> None:
        assert (local, remote) == ((US, 80), (PEER, 4_000))
        assert now >= NOW
        self.sent.append((flags, seq, ack, window))
        self.options.append(options)
        self.tos.append(tos)

    def schedule(self, flow: HalfOpen, at: int | None) -> None:
        self.due = at

    def forget(self, flow: HalfOpen) -> None:
        self.asked.append("forget")

    def remove(self, half: HalfOpen) -> None:
        self.asked.append("remove")

    def timed_out(self, half: HalfOpen) -> None:
        self.asked.append("timed_out")

    def young_again(self, half: HalfOpen) -> None:
        self.asked.append("young_again")

    def grow_up(self, half: HalfOpen, seg: TcpSegment, packet: IpPacket, now: int) -> Accepted:
        self.asked.append("grow_up")
        return Accepted.LOCAL

    def patience(self) -> int:
        return self.retries

    def local_of(self, address: bytes, port: int) -> tuple[bytes, int]:
        return address, port


def packet(tos: int = TOS) -> IpPacket:
    return IpPacket(PEER, US, 6, 64, tos, b"ip", b"tcp", b"", None)  # type: ignore[arg-type]


def segment(
    flags: int = ACK, seq: int = LEFT, size: int = 0, *, ack: int = ISS + 1, **more: Any
) -> TcpSegment:
    return TcpSegment(4_000, 80, seq & 0xFFFF_FFFF, ack, flags, 500, payload=bytes(size), **more)


def half_open(
    name: str = "linux", *, ts: bool = False, options: SocketOptions | None = None, **settings: Any
) -> Any:
    """A SYN came and was answered; the record and what is around it. `half.around` is that."""
    around = Surroundings(replace(profile(name), **settings), options or SocketOptions())
    half: Any = HalfOpen(around, around, segment(SYN, IRS), packet(0), b"key", ISS, 1_460)  # type: ignore[arg-type]
    if ts:
        half.ts_ok, half.ts_recent = True, 50
    half.answer(NOW)
    around.sent.clear()
    around.options.clear()
    around.tos.clear()
    return SimpleNamespace(half=half, around=around)


def told(it: Any, seg: TcpSegment, now: int = NOW + 1) -> tuple[Any, list[int]]:
    """The segment's fate, and the flags of what answers it."""
    it.around.sent.clear()
    fate = it.half.on_segment(seg, packet(), now)
    return fate, [flags for flags, *_ in it.around.sent]


# --- the SYN,ACK ------------------------------------------------------------------------------------------------------


def test_a_record_begins_with_nothing() -> None:
    half = half_open().half
    assert (half.began_at, half.answered_at, half.timeouts, half.repeated) == (NOW, NOW, 0, 0)
    assert (half.ts_recent, half.ts_recent_at, half.ts_offset) == (0, 0, 0)
    assert (half.saved_syn, half.uto_remote_ns, half.snd_wind_shift) == (b"", 0, 0)
    assert (half.version, half.peer_mss, half.our_mss) == (4, 536, 1_460)
    assert (half.local, half.remote, half.id) == ((US, 80), (PEER, 4_000), 1)


def test_of_either_family() -> None:
    around: Any = Surroundings(TcpConfig(), SocketOptions())
    came = IpPacket(bytes(16), bytes(16), 6, 64, 0, b"", b"", b"", None)  # type: ignore[arg-type]
    assert HalfOpen(around, around, segment(SYN, IRS), came, b"key", ISS, 1_440).version == 6


@pytest.mark.rfc("5482", "01")
def test_a_syn_ack_that_was_lost_twice_tells_of_no_user_timeout() -> None:
    """Perhaps somebody on the way cannot bear the option."""
    it = half_open(options=SocketOptions(uto=True))
    for _ in range(3):
        it.half.on_deadline(NOW)
    assert [len(options) for options in it.around.options] == [8, 4, 4]


@pytest.mark.rfc("3168", "02")
@pytest.mark.parametrize(
    ("flags", "codepoint", "agreed"),
    [
        (SYN | ECE | CWR, 0, True),
        (SYN | ECE, 0, False),
        (SYN | ECE | CWR, 2, False),
    ],
)
def test_what_it_answers_a_syn_that_asks_for_ecn(flags: int, codepoint: int, agreed: bool) -> None:
    around: Any = Surroundings(TcpConfig(), SocketOptions(tos=0x10))
    half = HalfOpen(around, around, segment(flags, IRS), packet(codepoint), b"key", ISS, 1_460)
    half.answer(NOW)
    assert around.sent == [(SYN | ACK | (ECE if agreed else 0), ISS, LEFT, half.window)]
    assert around.tos == [0x10]
    assert around.due == NOW + SECOND


@pytest.mark.parametrize(("reflects", "tos"), [(False, 0x10), (True, 0xB8)])
def test_the_class_of_service_of_the_syn_may_be_kept(reflects: bool, tos: int) -> None:
    options = SocketOptions(tos=0x10)
    around: Any = Surroundings(TcpConfig(reflect_tos=reflects), options)
    half = HalfOpen(around, around, segment(SYN, IRS), packet(TOS), b"key", ISS, 1_460)
    half.answer(NOW)
    assert around.tos == [tos]
    assert options.tos == 0x10, "the listener's own stays"


def test_its_window_is_whole_segments() -> None:
    it = half_open()
    assert it.half.window % 1_460 == 0
    it = half_open(ts=True)
    assert it.half.window % 1_448 == 0


@pytest.mark.parametrize(("asks", "heard"), [(True, 100 * SECOND), (False, 0)])
def test_a_user_timeout_is_heard_if_somebody_asks(asks: bool, heard: int) -> None:
    around: Any = Surroundings(TcpConfig(), SocketOptions(uto=asks))
    seg = segment(SYN, IRS, options=b"\x1c\x04\x00\x64")
    assert HalfOpen(around, around, seg, packet(), b"key", ISS, 1_460).uto_remote_ns == heard


def test_the_headers_of_a_syn_are_kept_if_somebody_asks() -> None:
    around: Any = Surroundings(TcpConfig(), SocketOptions(save_syn=1))
    came = IpPacket(PEER, US, 6, 64, 0, b"ip", bytes(range(60)), b"", None)  # type: ignore[arg-type]
    seg = segment(SYN, IRS, header_length=24)
    assert HalfOpen(around, around, seg, came, b"key", ISS, 1_460).saved_syn == b"ip" + bytes(range(24))


# --- its timer --------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-23")
def test_it_is_repeated_after_one_two_and_four_seconds() -> None:
    it = half_open(ts=True)
    it.around.retries = 2
    at = it.around.due
    waits = [at - NOW]
    for _ in range(2):
        it.half.on_deadline(at)
        waits.append(it.around.due - at)
        assert it.around.sent.pop()[0] == SYN | ACK
        assert it.around.asked == ["timed_out"], "told once"
        assert (it.half.answered_at, it.half.began_at, it.half.ts_last) == (at, NOW, at // MS)
        at = it.around.due
    assert waits == [SECOND, 2 * SECOND, 4 * SECOND]
    assert (it.half.timeouts, it.half.repeated) == (2, 2)
    it.half.on_deadline(at)
    assert it.around.asked == ["timed_out", "remove", "forget"]
    assert it.around.sent == []


def test_a_longest_wait_and_freebsds_slop() -> None:
    it = half_open(options=SocketOptions(rto_max_ns=3 * SECOND))
    it.half.timeouts = 2
    it.half.answer(NOW)
    assert it.around.due == NOW + 3 * SECOND
    it = half_open("freebsd")
    assert it.around.due == NOW + SECOND, "the first of all has none"
    it.half.timeouts = 1
    it.half.answer(NOW)
    assert it.around.due == NOW + 2 * SECOND + 200 * MS


@pytest.mark.parametrize(
    ("acked", "rounds"),
    [
        (False, ["SYN", "SYN", "gone"]),  # the patience of the listener
        (True, ["", "", "SYN", "gone"]),  # TCP_DEFER_ACCEPT: nothing before the last round
    ],
)
def test_while_data_is_waited_for(acked: bool, rounds: list[str]) -> None:
    it = half_open(options=SocketOptions(defer_accept=3))
    it.around.retries = 2
    if acked:
        assert told(it, segment()) == (Accepted.LOCAL, [])
        assert it.around.asked == []
    found = []
    while "remove" not in it.around.asked:
        it.around.sent.clear()
        it.half.on_deadline(it.around.due)
        found.append("gone" if "remove" in it.around.asked else "SYN" if it.around.sent else "")
    assert found == rounds


def test_with_patience_beyond_the_last_round_the_syn_ack_goes_on() -> None:
    it = half_open(options=SocketOptions(defer_accept=2))
    it.around.retries = 4
    told(it, segment())
    found = []
    while "remove" not in it.around.asked:
        it.around.sent.clear()
        it.half.on_deadline(it.around.due)
        found.append(bool(it.around.sent))
    assert found == [False, True, True, True, False]


def test_an_ack_that_found_no_place_is_not_asked_for_again_at_once() -> None:
    it = half_open(options=SocketOptions(defer_accept=3))
    it.around.is_full = True
    assert told(it, segment(size=1))[0] is DropReason.TCP_LISTEN_OVERFLOW
    it.half.on_deadline(NOW + SECOND)
    assert [flags for flags, *_ in it.around.sent] == []


@pytest.mark.parametrize(
    ("timeouts", "size", "flags", "grows"),
    [(0, 0, ACK, False), (0, 1, ACK, True), (0, 0, ACK | FIN, True), (2, 0, ACK, False), (3, 0, ACK, True)],
)
def test_a_bare_ack_wakes_nobody_before_that(timeouts: int, size: int, flags: int, grows: bool) -> None:
    it = half_open(options=SocketOptions(defer_accept=3))
    it.half.timeouts = timeouts
    assert told(it, segment(flags, size=size)) == (Accepted.LOCAL, [])
    assert it.around.asked == (["grow_up"] if grows else [])


# --- what completes it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aborts", [False, True])
def test_without_a_place_for_it(aborts: bool) -> None:
    it = half_open(abort_on_overflow=aborts)
    it.around.is_full = True
    assert told(it, segment()) == (DropReason.TCP_LISTEN_OVERFLOW, [RST] if aborts else [])
    assert it.around.asked == (["remove", "forget"] if aborts else [])


@pytest.mark.rfc("9293", "MUST-11")
@pytest.mark.parametrize("name", ["linux", "freebsd", "rfc"])
def test_which_numbers(name: str) -> None:
    it = half_open(name)
    right = LEFT + it.half.window
    for seq, size, good in (
        (LEFT, 0, True),
        (LEFT, 5, True),
        (LEFT - 1, 1, False),
        (LEFT - 1, 2, True),
        (right - 1, 1, True),
        (right, 0, True),
        (right, 1, False),
        (right + 1, 0, False),
        (LEFT - 2, 0, False),
    ):
        it.around.asked.clear()
        fate, _ = told(it, segment(seq=seq, size=size), NOW + seq * SECOND)
        assert (fate is Accepted.LOCAL) == good, (seq, size)
        assert it.around.asked == (["grow_up"] if good else [])


def test_a_reset_at_the_right_edge_is_outside_on_freebsd() -> None:
    for name, fate, answers in (
        ("linux", DropReason.TCP_BAD_RESET, [ACK]),
        ("freebsd", DropReason.TCP_OUT_OF_WINDOW, []),
    ):
        it = half_open(name)
        assert told(it, segment(RST, LEFT + it.half.window)) == (fate, answers)


@pytest.mark.rfc("7323", "06")
@pytest.mark.parametrize(
    ("behind", "good"), [(0, True), (1, False), (-1, True), (0x7FFF_FFFF, False), (0x8000_0000, True)]
)
def test_which_timestamps(behind: int, good: bool) -> None:
    it = half_open(ts=True)
    fate, answers = told(it, segment(ts_val=(50 - behind) & 0xFFFF_FFFF))
    assert (fate, answers) == ((Accepted.LOCAL, []) if good else (DropReason.TCP_PAWS, [ACK]))
    assert it.half.ts_recent == ((50 - behind) & 0xFFFF_FFFF if good else 50)


@pytest.mark.parametrize(("seq", "kept"), [(LEFT - 1, 60), (LEFT, 60), (LEFT + 1, 50)])
def test_whose_timestamp_is_kept(seq: int, kept: int) -> None:
    it = half_open(ts=True)
    told(it, segment(seq=seq, size=5, ts_val=60))
    assert it.half.ts_recent == kept


@pytest.mark.parametrize(
    ("name", "flags", "size", "tolerates", "fate", "answers"),
    [
        ("linux", ACK, 0, True, Accepted.LOCAL, []),
        ("linux", ACK, 0, False, DropReason.TCP_PAWS, [ACK]),
        ("linux", RST, 0, False, Accepted.LOCAL, []),
        ("freebsd", ACK, 5, False, DropReason.TCP_PAWS, []),
        ("freebsd", ACK, 5, True, Accepted.LOCAL, []),
        ("freebsd", RST, 0, False, Accepted.LOCAL, []),
        ("freebsd", PSH, 0, True, DropReason.TCP_BAD_SEGMENT, []),
    ],
)
def test_without_the_timestamp_that_was_agreed_on(
    name: str, flags: int, size: int, tolerates: bool, fate: Any, answers: list[int]
) -> None:
    it = half_open(name, ts=True, tolerate_missing_timestamp=tolerates)
    assert told(it, segment(flags, size=size)) == (fate, answers)


@pytest.mark.parametrize(("size", "answers"), [(0, []), (1, [ACK])])
def test_of_the_past_only_text_is_answered_on_freebsd(size: int, answers: list[int]) -> None:
    it = half_open("freebsd", ts=True)
    assert told(it, segment(size=size, ts_val=49)) == (DropReason.TCP_PAWS, answers)
    assert told(it, segment(RST | ACK, ts_val=49)) == (Accepted.LOCAL, [])


@pytest.mark.parametrize(
    ("echo", "wary", "fate"),
    [
        (5_000, True, Accepted.LOCAL),
        (4_999, True, DropReason.TCP_BAD_ECHO),
        (6_000, True, Accepted.LOCAL),
        (6_001, True, DropReason.TCP_BAD_ECHO),
        (6_001, False, Accepted.LOCAL),
        (0, True, Accepted.LOCAL),
    ],
)
def test_which_echoes(echo: int, wary: bool, fate: Any) -> None:
    """Of the first SYN,ACK, of the last, of any between."""
    it = half_open(ts=True, wary_of_syn_acks=wary)
    it.half.on_deadline(NOW + SECOND)
    assert told(it, segment(ts_val=50, ts_ecr=echo))[0] is fate


# --- resets and SYNs --------------------------------------------------------------------------------------------------

GONE = ["remove", "forget"]


@pytest.mark.rfc("5961", "01", "02")
@pytest.mark.parametrize(
    ("form", "flags", "seq", "fate", "answers", "asked"),
    [
        ("challenge", RST, LEFT, Accepted.LOCAL, [], GONE),
        ("challenge", RST, LEFT + 1, DropReason.TCP_BAD_RESET, [ACK], []),
        ("challenge", RST, LEFT - 1, DropReason.TCP_OUT_OF_WINDOW, [], []),
        ("challenge", SYN, LEFT, DropReason.TCP_BAD_SYN, [ACK], []),
        ("challenge", SYN, IRS - 5, DropReason.TCP_OUT_OF_WINDOW, [ACK], []),
        ("challenge", SYN | ACK, LEFT, DropReason.TCP_BAD_SYN, [ACK], []),
        ("listen", SYN, LEFT, DropReason.TCP_BAD_SYN, [], GONE),
        ("reset", SYN, LEFT, DropReason.TCP_BAD_SYN, [RST | ACK], GONE),
        ("answer", SYN, LEFT + 9, Accepted.LOCAL, [SYN | ACK], []),
        ("answer", SYN | ACK, LEFT, DropReason.TCP_BAD_SYN, [RST], GONE),
        ("answer", SYN | RST, LEFT, Accepted.LOCAL, [], GONE),
        ("challenge", SYN, IRS, Accepted.LOCAL, [SYN | ACK], []),
        ("challenge", SYN | ACK, IRS, DropReason.TCP_OUT_OF_WINDOW, [ACK], []),
        ("challenge", SYN | RST, IRS, DropReason.TCP_OUT_OF_WINDOW, [], []),
        ("challenge", PSH, LEFT, DropReason.TCP_BAD_SEGMENT, [], []),
    ],
)
def test_control(form: str, flags: int, seq: int, fate: Any, answers: list[int], asked: list[str]) -> None:
    it = half_open(half_open_syn=form)
    assert told(it, segment(flags, seq)) == (fate, answers)
    assert it.around.asked == asked


@pytest.mark.parametrize(
    ("form", "flags", "refused"),
    [
        ("challenge", ACK, True),
        ("challenge", SYN | ACK, True),  # there a SYN is looked at later than its ACK
        ("challenge", RST | ACK, False),
        ("reset", ACK, True),
        ("reset", SYN | ACK, False),
        ("reset", RST | ACK, False),
    ],
)
@pytest.mark.parametrize("ack", [ISS, ISS + 2])
def test_an_ack_of_something_else_is_refused(form: str, flags: int, refused: bool, ack: int) -> None:
    it = half_open(half_open_syn=form)
    fate, _ = told(it, segment(flags, ack=ack))
    assert (fate is DropReason.TCP_BAD_ACK) == refused
    if refused:
        assert it.around.sent == [(RST, ack, 0, 0)]
        assert it.around.tos[-1] == TOS & ~3
        assert it.around.asked == []


def test_a_syn_that_comes_again() -> None:
    it = half_open()
    assert told(it, segment(SYN, IRS), NOW + 700 * MS) == (Accepted.LOCAL, [SYN | ACK])
    assert (it.half.repeated, it.half.answered_at, it.half.began_at) == (1, NOW + 700 * MS, NOW)
    assert it.around.due == NOW + 1_700 * MS
    assert told(it, segment(SYN, IRS), NOW + 1_199 * MS) == (Accepted.LOCAL, []), "not too often"
    assert it.half.repeated == 1
    assert told(it, segment(SYN, IRS), NOW + 1_200 * MS) == (Accepted.LOCAL, [SYN | ACK])


def test_any_syn_that_comes_again_begins_anew_on_freebsd() -> None:
    it = half_open("freebsd", ts=True)
    it.half.ecn_ok = True
    it.half.on_deadline(NOW + SECOND)
    it.around.asked.clear()
    again = segment(SYN | ECE | CWR, IRS + 99, ts_val=70)
    fate = it.half.on_segment(again, packet(0), NOW + 2 * SECOND)
    assert fate is Accepted.LOCAL
    assert it.around.asked == ["young_again"]
    assert (it.half.timeouts, it.half.repeated) == (0, 2)
    assert (it.half.ts_ok, it.half.ts_recent, it.half.ts_recent_at) == (True, 70, NOW + 2 * SECOND)
    assert it.half.ecn_ok
    assert it.around.due == NOW + 3 * SECOND
    it.half.on_segment(segment(SYN, IRS), packet(0), NOW + 3 * SECOND)
    assert it.around.asked == ["young_again"], "it was young"
    assert (it.half.ts_ok, it.half.ts_recent, it.half.ecn_ok, it.half.repeated) == (False, 0, False, 3)


@pytest.mark.rfc("5961", "04")
def test_a_challenge_tells_what_is_expected() -> None:
    it = half_open(ts=True, half_open_syn="challenge")
    it.half.rcv_wind_shift = 4
    told(it, segment(SYN, LEFT, ts_val=50), NOW + 7)
    assert it.around.sent == [(ACK, ISS + 1, LEFT, it.half.window >> 4)]
    assert it.around.options[-1][-8:] == (NOW // MS).to_bytes(4, "big") + (50).to_bytes(4, "big")
    assert it.around.tos[-1] == TOS & ~3
    assert told(it, segment(SYN, LEFT, ts_val=50), NOW + 7 + 500 * MS - 1)[1] == []
    assert told(it, segment(SYN, LEFT, ts_val=50), NOW + 7 + 500 * MS)[1] == [ACK]
    it = half_open(half_open_syn="challenge")
    told(it, segment(SYN, LEFT))
    assert it.around.options[-1] == b""


# --- ICMP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "ends"),
    [
        ("unreachable", 0, True),
        ("unreachable", 1, True),
        ("unreachable", 3, False),
        ("parameter", 0, True),
        ("time-exceeded", 0, True),
        ("time-exceeded", 1, False),
    ],
)
def test_who_cannot_be_reached(kind: str, code: int, ends: bool) -> None:
    error: Any = SimpleNamespace(kind=kind, code=code)
    it = half_open()
    assert it.half.on_icmp_error(error, ISS, NOW)
    assert it.around.asked == (GONE if ends else [])
    it = half_open()
    assert not it.half.on_icmp_error(error, ISS + 1, NOW)
    assert it.around.asked == []
    it = half_open(soft_errors_end_connect=False)
    assert it.half.on_icmp_error(error, ISS, NOW)
    assert it.around.asked == []
