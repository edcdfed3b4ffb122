"""What is sent again: which segment, how much of it, and what that counts for."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import resend
from netarium.transport.tcp.boundaries import Boundaries
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.tcb import CWR, LOSS, OPEN, RECOVERY, Tcb
from netarium.transport.tcp.undo import Undo
from netarium.transport.tcp.xmittimer import PROBE, REORDERING, TIMEOUT

MSS = 1_000
NOW = 100 * SECOND


def sender(
    *sizes: int, recovery: int = RECOVERY, lost: int = 99, window: int = 60_000, **config: object
) -> Tcb:
    """Records of these sizes are out, the first of them lost; a record of several segments is a super-segment."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.smss = MSS
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = 101
    tcb.snd_wnd = window
    tcb.sack_ok, tcb.recovery = True, recovery
    tcb.congestion = Reno(MSS, 10 * MSS, tcb.config)
    for at, size in enumerate(sizes):
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + size, NOW, -(-size // MSS))
        tcb.snd_nxt += size
        if at < lost:
            tcb.scoreboard.mark_lost(tcb.scoreboard.newest)
    return tcb


def again(tcb: Tcb) -> tuple[int, int] | None:
    """What is sent again now: from where and how much, counted from SND.UNA."""
    record = resend.next_lost(tcb, NOW + 7)
    return None if record is None else (record.seq - 101, record.end - record.seq)


@pytest.mark.rfc("9293", "SHLD-17")
@pytest.mark.parametrize(
    ("window", "first"),
    [
        (60_000, (0, 1_500)),
        (1_500, (0, 1_500)),
        (1_499, (0, 1_000)),
        (999, (0, 999)),
        (1, (0, 1)),
        (0, (0, 1_000)),
    ],
)
def test_only_what_lies_within_the_window_is_sent_again(window: int, first: tuple[int, int]) -> None:
    """In whole segments, if it takes one; into a closed one goes the first."""
    assert again(sender(1_500, window=window)) == first


def test_behind_a_closed_window_nothing_is_sent_again() -> None:
    tcb = sender(1_000, 1_000, window=1_000)
    assert again(tcb) == (0, 1_000)
    assert again(tcb) is None
    assert again(sender(1_000, window=0, closed_window_pulls_back=True)) is None
    assert again(sender(1_000, lost=0)) is None


@pytest.mark.parametrize(("window", "size"), [(0, None), (1, 1_000), (2, 2_000), (9, 3_000)])
def test_no_more_than_the_congestion_window_lets_go(window: int, size: int | None) -> None:
    """Two are on the way already; a timeout lets one go in any case."""
    tcb = sender(3_000, 2_000, lost=1)
    tcb.congestion.cwnd = (2 + window) * MSS
    assert again(tcb) == (None if size is None else (0, size))
    forced = sender(3_000, 2_000, lost=1)
    forced.congestion.cwnd = (2 + window) * MSS
    forced.force_retransmit = True
    assert again(forced) == (0, size or 1_000)
    assert not forced.force_retransmit


def test_a_chunk_is_as_large_as_the_device_takes_it() -> None:
    tcb = sender(9_000)
    tcb.gso_size = 4_000
    assert again(tcb) == (0, 4_000)


@pytest.mark.parametrize(
    ("sizes", "stream", "collapse", "first"),
    [
        ((400, 500, 300), False, True, (0, 900)),
        ((400, 500, 300), True, True, (0, 1_000)),
        ((400, 500, 300), False, False, (0, 400)),
        ((400, 900), True, True, (0, 1_000)),
        ((1_000, 300), True, True, (0, 1_000)),
    ],
)
def test_small_segments_are_sent_again_as_one(
    sizes: tuple[int, ...], stream: bool, collapse: bool, first: tuple[int, int]
) -> None:
    assert again(sender(*sizes, resends_stream=stream, retrans_collapse=collapse)) == first


def test_no_record_is_joined_with_another() -> None:
    """MSG_EOR; nor is anything beyond the window."""
    tcb = sender(200, 200, 200, 200, retrans_collapse=True)
    tcb.boundaries = Boundaries(101)
    for start, end in ((101, 501), (501, 901)):
        tcb.boundaries.written(start, end, start, goal=9_000, half=9_000, more=False, record=True)
    assert [again(tcb), again(tcb)] == [(0, 400), (400, 400)]
    small = sender(200, 200, 200, 200, window=700, retrans_collapse=True)
    assert again(small) == (0, 600)


@pytest.mark.parametrize("recovery", [CWR, RECOVERY, LOSS, OPEN])
def test_what_is_sent_again_counts(recovery: int) -> None:
    tcb = sender(2_000, 1_000, recovery=recovery)
    tcb.undo = Undo(101, 0, restores=True)
    tcb.total_retrans, tcb.prr.prr_out = 5, 3
    tcb.prr = type(tcb.prr)(10)
    tcb.prr.prr_out = 3
    tcb.rate = RateSampler()
    assert again(tcb) == (0, 2_000)
    assert (tcb.total_retrans, tcb.undo.pending, tcb.first_resent_at, tcb.last_sent_at) == (
        7,
        2,
        NOW + 7,
        NOW + 7,
    )
    assert tcb.prr.prr_out == (5 if recovery in {CWR, RECOVERY} else 3)
    assert tcb.scoreboard.oldest.rate is not None
    tcb.first_resent_at = 9
    assert again(tcb) == (2_000, 1_000)
    assert tcb.first_resent_at == 9, "the first one"


@pytest.mark.parametrize(
    ("at", "what_for", "segments", "restarts"),
    [
        (0, TIMEOUT, 1, True),
        (0, REORDERING, 2, True),
        (5, TIMEOUT, 1, True),
        (5, PROBE, 1, True),
        (5, REORDERING, 1, False),
        (5, TIMEOUT, 2, False),
        (5, REORDERING, 2, False),
    ],
)
def test_the_first_segment_restarts_the_timer_and_others_only_start_it(
    at: int, what_for: int, segments: int, restarts: bool
) -> None:
    """While what was overtaken is waited for, nothing does."""
    tcb = sender(1_000, 1_000)
    if segments == 2:
        assert again(tcb) is not None
    tcb.rexmit_at, tcb.rexmit_for = at, what_for
    assert again(tcb) == (1_000 * (segments - 1), 1_000)
    expected = (NOW + 7 + tcb.rtt.rto, TIMEOUT) if restarts else (at, what_for)
    assert (tcb.rexmit_at, tcb.rexmit_for) == expected


@pytest.mark.rfc("8985", "07")
@pytest.mark.parametrize(
    ("size", "segs", "probe"),
    [
        (1_000, 1, (0, 1_000)),
        (2_500, 3, (2_000, 500)),
        (3_000, 3, (2_000, 1_000)),
        (1_000, 2, (0, 1_000)),  # of another size of segments
        (1_001, 2, (1_000, 1)),
        (1_001, 1, (0, 1_001)),  # a FIN
        (1_002, 1, (0, 1_000)),  # it does not fit any more
        (3_500, 2, (1_000, 1_000)),
    ],
)
def test_the_probe_is_the_last_segment(size: int, segs: int, probe: tuple[int, int]) -> None:
    tcb = sender(recovery=OPEN)
    tcb.scoreboard.add(101, 101 + size, NOW, segs)
    tcb.snd_nxt = 101 + size
    tcb.total_retrans = 5
    record = resend.loss_probe(tcb, NOW + 7)
    assert record is not None
    assert (record.seq - 101, record.end - record.seq) == probe
    assert tcb.total_retrans == 5 + record.segs
    assert (tcb.last_sent_at, record.resent, record.xmit_at) == (NOW + 7, 1, NOW + 7)


@pytest.mark.parametrize(("window", "goes"), [(1_001, True), (1_000, False), (0, False)])
def test_a_probe_does_not_go_beyond_the_window(window: int, goes: bool) -> None:
    tcb = sender(1_000, 1_000, lost=0, window=window)
    assert (resend.loss_probe(tcb, NOW) is not None) is goes
    first = sender(1_000, lost=0, window=0)
    assert resend.loss_probe(first, NOW) is not None


@pytest.mark.parametrize("paced", [True, False])
def test_what_is_sent_again_is_paced_as_such(paced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int, bool]] = []
    monkeypatch.setattr(
        resend.pacing, "sent", lambda _tcb, size, now, *, again: told.append((size, now, again))
    )
    tcb = sender(1_500)
    tcb.paced = paced
    assert again(tcb) == (0, 1_500)
    assert told == ([(1_500, NOW + 7, True)] if paced else [])
