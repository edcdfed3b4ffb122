"""The control block: what it is before anything has happened, and what it reckons from what it holds."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.prr import NO_REDUCTION
from netarium.transport.tcp.sendbuf import SendBuffer
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import Tcb

MSS = 536  # what nobody needs to tell (RFC 9293 §3.7.1)
# What a block holds that is not just nothing.
GIVEN = {"config", "options", "where", "socket_id", "version", "state"}
OBJECTS = {"sendbuf", "scoreboard", "rack", "reordering", "prr", "reassembly", "rtt", "congestion"}
SEGMENTS = dict.fromkeys(("path_mss", "our_mss", "smss", "peer_mss", "rcv_mss", "advmss"), MSS)
BUFFERS = {"snd_memory": 16_384, "rcv_memory": 131_072, "rcv_buf": 65_536, "rcv_ratio": 128}
SEND_SPACE = (
    "iss", "snd_una", "snd_nxt", "snd_up", "snd_sml", "recover", "cwnd_usage_seq", "burst_end", "burst_una"
)  # fmt: skip
NOT_THERE = {
    "accurate",
    "trace", "plpmtud", "rcv_queue", "notices", "tally", "fast_open_option", "dsack", "rate", "reset_ack", "reset_to",
    "hearsay", "boundaries", "fin_seq", "undo", "held", "tlp_end_seq", "chunk_rest", "rcv_fin",
}  # fmt: skip
RECEIVE_SPACE = ("rcv_nxt", "rcv_up", "rcv_adv", "last_ack_sent")


def block(*, options: SocketOptions | None = None, **config: object) -> Tcb:
    return Tcb(4, replace(TcpConfig(), **config), options or SocketOptions(), 7, "us", None)


def set_fields(tcb: Tcb) -> dict[str, object]:
    """All that is not 0, False or None; what is not there at all nobody may have looked at yet."""
    left = set(Tcb.__slots__) - GIVEN - OBJECTS
    return {name: value for name in left if (value := getattr(tcb, name, None))}


def test_before_anything_has_happened_nothing_is_known_owed_or_due() -> None:
    tcb = block()
    assert set_fields(tcb) == SEGMENTS | BUFFERS | dict.fromkeys(RECEIVE_SPACE, 1)
    assert {name for name in Tcb.__slots__ if getattr(tcb, name, 0) is None} == NOT_THERE
    assert tcb.state is State.CLOSED
    assert (tcb.version, tcb.socket_id, tcb.where) == (4, 7, "us")
    assert (tcb.sendbuf.start, tcb.sendbuf.end) == (1, 1)
    assert tcb.prr is NO_REDUCTION
    assert not tcb.scoreboard
    assert (tcb.congestion.cwnd, tcb.rtt.rto) == (10 * MSS, SECOND)


def test_both_sequence_spaces_begin_where_their_syns_are() -> None:
    tcb = block()
    before = set_fields(tcb)
    tcb.start_sending(1_000)
    tcb.start_receiving(5_000, 300)
    space = dict.fromkeys(SEND_SPACE, 1_000) | dict.fromkeys(RECEIVE_SPACE, 5_001) | {"irs": 5_000}
    assert set_fields(tcb) == before | space | {"rcv_adv": 5_301}
    assert (tcb.sendbuf.start, tcb.rcv_wnd, tcb.flight_size) == (1_001, 300, 0)


def test_a_second_beginning_leaves_nothing_of_the_first() -> None:
    tcb = block()
    fresh = set_fields(tcb)
    kept = {"sendbuf", "scoreboard", "rack", "reordering", "prr", "reassembly", "boundaries"}
    untouched = set(fresh) | GIVEN | OBJECTS | kept
    began = {
        "snd_wnd", "max_snd_wnd", "snd_wl1", "snd_wl2", "fin_queued", "fin_seq", "first_resent_at", "frto",
        "hold_resending", "tlp_due", "tlp_is_retrans", "tlp_end_seq", "rexmit_for", "syn_pending", "recovery",
        "force_retransmit", "cwnd_limited", "cwnd_check_due", "max_packets_out", "snd_cwnd_used", "snd_cwnd_stamp",
        "last_sent_at", "octet_probed", "chunk_rest", "chunk_gone", "rcv_gso", "rcv_fin", "undo", "held",
    }  # fmt: skip
    assert not began & untouched
    for name in began | set(SEND_SPACE):
        setattr(tcb, name, 99)
    tcb.sendbuf = SendBuffer(99)
    tcb.start_sending(0)
    tcb.start_receiving(0)
    assert set_fields(tcb) == fresh
    assert {name for name in Tcb.__slots__ if getattr(tcb, name, 0) is None} == NOT_THERE
    assert tcb.sendbuf.start == 1


def test_buffers_that_the_application_has_set_are_what_it_said() -> None:
    options = SocketOptions(sndbuf=5_000, sndbuf_locked=True, rcvbuf=7_000, rcvbuf_locked=True)
    tcb = block(options=options)
    assert (tcb.snd_memory, tcb.rcv_memory, tcb.rcv_buf) == (5_000, 7_000, 3_500)
    unlocked = block(options=SocketOptions(sndbuf=5_000, rcvbuf=7_000))
    assert (unlocked.snd_memory, unlocked.rcv_memory) == (16_384, 131_072)


def test_the_socket_chooses_the_congestion_control() -> None:
    names = {type(block().congestion), type(block(options=SocketOptions(congestion="reno")).congestion)}
    assert len(names) == 2
    assert type(block(congestion_control="reno").congestion) in names


@pytest.mark.rfc("6928", "01")
@pytest.mark.parametrize(
    ("smss", "octets", "window"),
    [
        (1_000, 0, 10_000),
        (1_460, 0, 14_600),
        (1_461, 0, 14_600),
        (7_299, 0, 14_600),
        (7_301, 0, 14_602),
        (1_000, 4_380, 4_000),
        (1_000, 1_999, 2_000),  # two segments at the least
        (100, 4_380, 1_000),  # ten at the most
    ],
)
def test_the_initial_window(smss: int, octets: int, window: int) -> None:
    tcb = block(initial_window_octets=octets)
    tcb.smss = smss
    assert tcb.initial_window == window


def test_a_socket_may_have_other_bounds_than_the_system() -> None:
    tcb = block(min_rto_ns=3, max_rto_ns=500, delayed_ack_max_ns=7)
    assert (tcb.min_rto, tcb.max_rto, tcb.max_ack_delay) == (3, 500, 7)
    tcb.options.rto_min_ns, tcb.options.rto_max_ns, tcb.options.delack_max_ns = 5, 600, 8
    assert (tcb.min_rto, tcb.max_rto, tcb.max_ack_delay) == (5, 600, 8)


@pytest.mark.rfc("9293", "SHLD-29", "SHLD-30")
@pytest.mark.parametrize(
    ("probes", "doublings", "by_time", "seconds"),
    [
        (0, 0, False, 1),
        (0, 3, True, 1),  # the first comes as early as ever
        (1, 0, False, 2),
        (1, 0, True, 2),
        (1, 2, True, 8),
        (1, 2, False, 2),
        (5, 0, False, 32),
        (16, 0, False, 100),
        (10_000, 0, False, 100),
    ],
)
def test_window_probes_come_more_and_more_rarely(
    probes: int, doublings: int, by_time: bool, seconds: int
) -> None:
    tcb = block(retries_by_time=by_time, persist_max_ns=100 * SECOND, persist_from_rtt=False)
    for _ in range(doublings):
        tcb.rtt.back_off()
    tcb.persist_count, tcb.rtt.rto = probes, SECOND
    assert tcb.persist_interval == seconds * SECOND


def test_a_probe_waits_neither_too_short_nor_too_long() -> None:
    tcb = block(persist_min_ns=2 * SECOND, persist_max_ns=300 * SECOND, persist_from_rtt=False)
    tcb.rtt.rto = SECOND
    assert tcb.persist_interval == 2 * SECOND
    tcb.persist_count = 40
    assert tcb.persist_interval == 120 * SECOND  # a timeout is never longer
    tcb.options.rto_max_ns = 400 * SECOND
    assert tcb.persist_interval == 300 * SECOND


def test_probes_count_until_something_is_heard() -> None:
    tcb = block()
    assert tcb.unanswered_probes == 0
    tcb.last_received_at = 5 * MS
    for number in (1, 2, 3):
        tcb.probe(5 * MS + number)
        assert tcb.unanswered_probes == number
    tcb.last_received_at = 5 * MS + 3
    assert tcb.unanswered_probes == 0
    tcb.probe(6 * MS)
    assert tcb.unanswered_probes == 1


def test_a_tally_begins_with_what_is_counted() -> None:
    tcb = block()
    assert tcb.tally is None
    tally = tcb.count()
    assert tcb.count() is tcb.tally is tally


def test_no_timer_runs_when_they_are_stopped() -> None:
    tcb = block()
    running = ("rexmit_at", "persist_at", "delack_at", "keepalive_at", "fin_wait_2_at", "user_timeout_at",
               "compressed_at", "pacing_at")  # fmt: skip
    for name in running:
        setattr(tcb, name, 5)
    tcb.stop_timers()
    assert {getattr(tcb, name) for name in running} == {0}
