"""Sequence numbers and timestamps that cross 2**32, in every phase of a connection.

Nothing that TCP does depends on where a number space begins. So each scenario is played once with numbers that begin
at 1,000,000, and then with such that the wrap falls on each edge of it, a number before, and a number behind: the two
transcripts, in numbers relative to their beginning, must be equal to the last bit and nanosecond.
"""

from collections.abc import Callable

import pytest

from netarium.base.addr import parse_ip
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.isn import IsnGenerator
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpSegment

from .conftest import M32, Script

PLAIN = 1_000_000
Line = tuple[object, ...]


class Chosen(IsnGenerator):
    """Initial numbers as the test says."""

    __slots__ = ("_first", "_offset")

    def __init__(self, first: int, offset: int) -> None:
        super().__init__(b"")
        self._first, self._offset = first, offset

    def isn(self, key: bytes, now: int) -> int:
        return self._first

    def timestamp_offset(self, key: bytes) -> int:
        return self._offset


class Shifted(Script):
    """A script whose numbers, ours and the peer's and both clocks, begin where the test says.

    In the scenario our first number is 0, the peer's is 0, and the peer's timestamps begin at 0.
    """

    def __init__(self, iss: int, irs: int, our_clock: int, peer_clock: int) -> None:
        super().__init__()
        self.irs, self.our_clock, self.peer_clock = irs, our_clock, peer_clock
        self.lines: list[Line] = []
        self.machine.tcp.isn = Chosen(iss, our_clock - self.now // MS)
        self.iss, self._shift = 0, iss

    def put(self, flags: int, seq: int, ack: int = 0, **fields: object) -> None:
        """A segment arrives; numbers relative to both beginnings."""
        if "ts" in fields:
            value, echo = fields.pop("ts")  # type: ignore[misc]
            fields["ts"] = (
                (value + self.peer_clock) & M32,
                (echo + self.our_clock) & M32 if flags & ACK else 0,
            )
        self.inject(flags, seq=seq + self.irs, ack=ack, **fields)  # type: ignore[arg-type]
        self.note()

    def wait(self, ns: int) -> None:
        self.advance(ns)
        self.note()

    def note(self) -> None:
        """Write down what the machine has sent, in relative numbers, and in which state it is."""
        self._collect()
        self.lines += [self._line(seg) for seg in self.seen]
        self.seen.clear()
        self.lines.append((self.now, self.state, self.machine.tcp.half_open() != []))

    def _line(self, seg: TcpSegment) -> Line:
        acked = (seg.ack - self.irs) & M32 if seg.flags & ACK else 0
        sack = tuple(((a - self.irs) & M32, (b - self.irs) & M32) for a, b in seg.sack)
        stamps = None
        if seg.ts_val is not None:
            echo = (seg.ts_ecr - self.peer_clock) & M32 if seg.flags & ACK else seg.ts_ecr
            stamps = (seg.ts_val - self.our_clock) & M32, echo
        return (seg.flags, self._ours(seg.seq), acked, len(seg.payload), seg.window, seg.urgent, sack, stamps)

    def open(self, **options: object) -> None:
        """connect() to the peer's 80, three-way handshake."""
        self.socket.bind(bytes(4), 40_000)
        self.socket.connect(parse_ip("10.0.0.2"), 80, self.now)
        self.our_port = 40_000
        self._pump()
        self.note()
        stamp = {"ts": (0, 0)} if options.pop("clock", True) else {}
        self.put(SYN | ACK, 0, 1, mss=1_000, sack_permitted=True, **stamp, **options)

    def serve(self) -> None:
        """A passive open."""
        self.listen()
        self.put(SYN, 0, mss=1_000, sack_permitted=True, ts=(0, 0))
        self.put(ACK, 1, 1, ts=(1, 0))
        connection = self.socket.accept(self.now)
        assert connection is not None
        self.socket = connection


def handshake(s: Shifted) -> None:
    s.open()
    s.wait(SECOND)


def lost_syns(s: Shifted) -> None:
    s.socket.bind(bytes(4), 40_000)
    s.our_port = 40_000
    s.socket.connect(parse_ip("10.0.0.2"), 80, s.now)
    s._pump()
    s.wait(8 * SECOND)
    s.put(SYN | ACK, 0, 1, mss=1_000)
    s.wait(SECOND)


def bad_acks_of_our_syn(s: Shifted) -> None:
    s.socket.bind(bytes(4), 40_000)
    s.our_port = 40_000
    s.socket.connect(parse_ip("10.0.0.2"), 80, s.now)
    s._pump()
    s.put(SYN | ACK, 0, 0)
    s.put(SYN | ACK, 0, 2)
    s.put(RST | ACK, 0, 2)
    s.put(SYN | ACK, 0, 1)


def simultaneous_open(s: Shifted) -> None:
    s.socket.bind(bytes(4), 40_000)
    s.our_port = 40_000
    s.socket.connect(parse_ip("10.0.0.2"), 80, s.now)
    s._pump()
    s.put(SYN, 0, mss=1_000)
    s.put(SYN | ACK, 0, 1, mss=1_000)
    s.send(b"x" * 100)
    s.put(ACK, 1, 101)


def served(s: Shifted) -> None:
    s.serve()
    s.put(PSH | ACK, 1, 1, data=bytes(10), ts=(2, 1))
    s.send(bytes(20))
    s.put(ACK, 11, 21, ts=(3, 2))
    s.wait(SECOND)


def half_open_again(s: Shifted) -> None:
    s.listen()
    s.put(SYN, 0, mss=1_000)
    s.wait(4 * SECOND)
    s.put(SYN, 0, mss=1_000)
    s.put(ACK, 1, 2)  # a wrong one
    s.put(ACK, 1, 1)


def bulk_out(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(9_500))
    s.note()
    for acked in range(1_001, 9_502, 1_000):
        s.put(ACK, 1, acked)
    s.put(ACK, 1, 9_501)
    s.wait(SECOND)


def bulk_in(s: Shifted) -> None:
    s.open(clock=False)
    for seq in range(1, 5_002, 1_000):
        s.put(ACK, seq, 1, data=bytes(1_000))
    s.wait(SECOND)
    assert len(s.recv() or b"") == 6_000
    s.note()


def out_of_order_in(s: Shifted) -> None:
    s.open(clock=False)
    for seq in (1_001, 3_001, 5_001, 4_001, 1, 2_001, 1, 5_501):
        s.put(ACK, seq, 1, data=bytes(1_000))
    s.wait(SECOND)
    assert len(s.recv() or b"") == 6_500
    s.note()


def beyond_the_window(s: Shifted) -> None:
    s.open(clock=False)
    edge = s.socket.tcb.rcv_adv - s.socket.tcb.irs
    for seq in (edge, edge + 1, edge + (1 << 30), -1, -1_000, edge - 1):
        s.put(ACK, seq, 1, data=bytes(100))
        s.wait(SECOND)
        s.put(RST, seq)
        s.wait(SECOND)
        s.put(SYN, seq)
        s.wait(SECOND)


def fast_retransmit(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(8_000))
    s.note()
    for n in range(1, 5):
        s.put(ACK, 1, 1, sack=[(1_001, 1_001 + 1_000 * n)])
    s.put(ACK, 1, 5_001)
    s.put(ACK, 1, 8_001)
    s.wait(SECOND)


def retransmission_timeouts(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(3_000))
    s.wait(10 * SECOND)
    s.put(ACK, 1, 1_001)
    s.put(ACK, 1, 3_001)
    s.wait(SECOND)


def duplicates_without_sack(s: Shifted) -> None:
    s.socket.bind(bytes(4), 40_000)
    s.our_port = 40_000
    s.socket.connect(parse_ip("10.0.0.2"), 80, s.now)
    s._pump()
    s.put(SYN | ACK, 0, 1, mss=1_000)
    s.send(bytes(8_000))
    for _ in range(5):
        s.put(ACK, 1, 1)
    s.put(ACK, 1, 3_001)
    s.put(ACK, 1, 8_001)


def acks_of_the_future_and_the_past(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(2_000))
    for acked in (2_002, 2_001 + (1 << 30), 0, -70_000, 2_001):
        s.put(ACK, 1, acked)
        s.wait(SECOND)


def zero_window(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(3_000))
    s.put(ACK, 1, 1_001, window=0)
    s.wait(20 * SECOND)
    s.put(ACK, 1, 3_001, window=500)
    s.send(bytes(2_000))
    s.wait(5 * SECOND)
    s.put(ACK, 1, 3_501, window=60_000)
    s.put(ACK, 1, 5_001)


def urgent_both_ways(s: Shifted) -> None:
    s.open(clock=False)
    s.socket.send(bytes(100), s.now, urgent=True)
    s._pump()
    s.put(ACK, 1, 101)
    s.put(URG | ACK, 1, 101, data=bytes(50), urgent=50)
    s.put(URG | ACK, 51, 101, data=bytes(50), urgent=10)
    s.lines.append(
        (s.socket.at_mark(), s.socket.tcb.rcv_up - s.socket.tcb.irs, s.recv(49), s.socket.at_mark())
    )
    s.lines.append((s.recv(), s.socket.at_mark()))
    s.wait(SECOND)


def ours_closes_first(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(500))
    s.close()
    s.put(ACK, 1, 501)
    s.put(ACK, 1, 502)
    s.put(FIN | ACK, 1, 502)
    s.wait(SECOND)
    s.put(FIN | ACK, 1, 502)
    s.wait(70 * SECOND)


def theirs_closes_first(s: Shifted) -> None:
    s.open(clock=False)
    s.put(FIN | ACK, 1, 1, data=bytes(100))
    s.recv()
    s.close()
    s.wait(3 * SECOND)
    s.put(ACK, 102, 2)


def simultaneous_close(s: Shifted) -> None:
    s.open(clock=False)
    s.close()
    s.put(FIN | ACK, 1, 1)
    s.put(ACK, 2, 2)
    s.wait(SECOND)
    s.put(FIN | ACK, 1, 1)
    s.wait(70 * SECOND)


def lost_fin(s: Shifted) -> None:
    s.open(clock=False)
    s.send(bytes(1_000))
    s.shutdown()
    s.put(ACK, 1, 1_001)
    s.wait(5 * SECOND)
    s.put(ACK, 1, 1_002)
    s.put(FIN | ACK, 1, 1_002)


def time_wait_reused(s: Shifted) -> None:
    s.serve()
    s.close()
    s.put(ACK, 1, 2, ts=(2, 1))
    s.put(FIN | ACK, 1, 2, ts=(3, 1))
    s.wait(SECOND)
    s.put(SYN, 1, mss=1_000, ts=(3, 0))  # neither number nor clock went on: an old one
    s.put(SYN, 3, mss=1_000, ts=(2_000, 0))
    s.wait(SECOND)


def time_wait_reused_by_number(s: Shifted) -> None:
    s.listen()
    s.put(SYN, 0, mss=1_000)
    s.put(ACK, 1, 1)
    connection = s.socket.accept(s.now)
    assert connection is not None
    connection.close(s.now)
    s._pump()
    s.put(ACK, 1, 2)
    s.put(FIN | ACK, 1, 2)
    s.put(SYN, 1, mss=1_000)
    s.put(SYN, 2, mss=1_000)
    s.wait(100 * MS)


def keepalive(s: Shifted) -> None:
    s.option(keepalive=True, keepidle_ns=10 * SECOND, keepintvl_ns=SECOND)
    s.open(clock=False)
    s.wait(12 * SECOND)
    s.put(ACK, 1, 1)
    s.put(ACK, 0, 1)  # the peer's own
    s.wait(12 * SECOND)


def clocks(s: Shifted) -> None:
    """Both ends' clocks run over their edge while data flows; old segments are found by PAWS all the same."""
    s.open()
    for n in range(12):
        s.send(bytes(100))
        s.put(ACK, 1 + 100 * n, 1 + 100 * n + 100, data=bytes(100), ts=(100 * (n + 1), 40 * n))
        s.put(ACK, 1 + 100 * n, 1 + 100 * n + 100, data=bytes(100), ts=(100 * n - 50, 40 * n))  # an old one
        s.wait(40 * MS)
    s.wait(SECOND)


SCENARIOS: list[Callable[[Shifted], None]] = [
    handshake, lost_syns, bad_acks_of_our_syn, simultaneous_open, served, half_open_again, bulk_out, bulk_in,
    out_of_order_in, beyond_the_window, fast_retransmit, retransmission_timeouts, duplicates_without_sack,
    acks_of_the_future_and_the_past, zero_window, urgent_both_ways, ours_closes_first, theirs_closes_first,
    simultaneous_close, lost_fin, time_wait_reused, time_wait_reused_by_number, keepalive, clocks,
]  # fmt: skip


def play(
    scenario: Callable[[Shifted], None], iss: int, irs: int, ours: int = PLAIN, theirs: int = PLAIN
) -> list[Line]:
    script = Shifted(iss & M32, irs & M32, ours & M32, theirs & M32)
    scenario(script)
    return script.lines


def edges(lines: list[Line], flags_at: int, number_at: int) -> list[int]:
    """Where the numbers of a transcript begin and end, and one to either side."""
    found = {0, 1}
    for line in lines:
        if len(line) > 4:
            number = line[number_at]
            assert isinstance(number, int)
            found |= {number, number + (line[3] if number_at == 1 else 0)}  # type: ignore[operator]
    return sorted({max(0, edge + step) for edge in found if edge < 1 << 20 for step in (-1, 0, 1)})


@pytest.mark.attack("TCP-59")
@pytest.mark.rfc("9293", "MUST-1")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_it_does_not_matter_where_numbers_begin(scenario: Callable[[Shifted], None]) -> None:
    plain = play(scenario, PLAIN, PLAIN)
    assert sum(len(line) > 4 for line in plain) >= 2, "the scenario says nothing"
    for edge in edges(plain, 0, 1):  # our numbers wrap there
        assert play(scenario, -edge, PLAIN) == plain, f"ours wrap at {edge}"
    for edge in edges(plain, 0, 2):  # the peer's do
        assert play(scenario, PLAIN, -edge) == plain, f"the peer's wrap at {edge}"
    for edge in (0, 1, 2, 501):  # both, and the signed edge, where a comparison of 32 bits changes its sign
        assert play(scenario, -edge, -edge) == plain
        assert play(scenario, (1 << 31) - edge, (1 << 31) - edge) == plain


@pytest.mark.rfc("7323", "§5.2")
@pytest.mark.parametrize(
    "scenario", [handshake, served, time_wait_reused, clocks], ids=lambda each: each.__name__
)
def test_it_does_not_matter_where_clocks_begin(scenario: Callable[[Shifted], None]) -> None:
    plain = play(scenario, PLAIN, PLAIN)
    # A timestamp of 0 counts as none (as to Linux), so none is exactly that here.
    for edge in (0, 1, 2, 3, 41, 101, 150, 151, 499, 501, 1_001):
        for start in (-edge, (1 << 31) - edge):
            assert play(scenario, PLAIN, PLAIN, ours=start) == plain, f"our clock wraps {start}"
            assert play(scenario, PLAIN, PLAIN, theirs=start) == plain, f"the peer's clock wraps {start}"
