"""The cable: when bits arrive, what waits, what overflows, what a rule and a witness see."""

from random import Random

import pytest
from tests.unit.link.conftest import Bench, Frames, Wire

from netarium.base.trace import Event, RuleHit, Signal, Trace
from netarium.link import gso
from netarium.link.frame import Frame
from netarium.link.rules import Corrupt, Cut, Delay, Drop, Duplicate, Jitter, Loss, Reorder, Truncate
from netarium.link.selector import nth

MBIT = 1_000_000


def test_last_bit_arrives_after_line_time_and_delay(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(rate=10 * MBIT, delay=5_000)
    cable.ends[0].send(frame(length=100), 1_000)
    bench.run()
    assert b.times == [1_000 + (8 + 100 + 4) * 800 + 5_000]


@pytest.mark.rfc("802.3", "eth-01")
def test_short_frames_are_charged_as_padded(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(rate=10 * MBIT)
    cable.ends[0].send(frame(length=20), 0)
    bench.run()
    assert b.times == [72 * 800]


@pytest.mark.rfc("802.3", "eth-06")
def test_gap_of_96_bit_times_between_frames(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(rate=10 * MBIT)
    for i in range(3):
        cable.ends[0].send(frame(i, 60), 0)
    bench.run()
    line = 72 * 800
    assert b.times == [line, 2 * line + 9_600, 3 * line + 2 * 9_600]
    assert cable.ends[0].frames == 3
    assert cable.ends[0].octets == 3 * 84


@pytest.mark.rfc("802.3", "eth-14")
def test_directions_do_not_meet(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, a, b = wire(rate=10 * MBIT)
    cable.ends[0].send(frame(length=1000), 0)
    cable.ends[1].send(frame(length=1000), 0)
    bench.run()
    assert a.times == b.times == [1012 * 800]


def test_line_without_rate_takes_no_time(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(delay=7)
    for i in range(5):
        assert cable.ends[0].idle(0)
        cable.ends[0].send(frame(i), 0)
    bench.run()
    assert b.times == [7] * 5
    assert [body[1] for body in b.bodies] == [0, 1, 2, 3, 4]


def test_queue_is_bounded_and_drops_its_tail(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(rate=10 * MBIT, queue=3)
    for i in range(10):
        cable.ends[0].send(frame(i), 0)
    assert len(cable.ends[0]) == 3
    assert cable.ends[0].drops == 6
    bench.run()
    assert [body[1] for body in b.bodies] == [0, 1, 2, 3]  # one on the line and three that waited


def test_port_is_told_once_when_the_line_is_idle(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, a, _ = wire(rate=10 * MBIT)
    cable.ends[0].send(frame(length=60), 0)
    assert not cable.ends[0].idle(100)
    cable.ends[0].tell_when_idle()
    cable.ends[0].tell_when_idle()
    bench.run()
    assert a.idle_at == [84 * 800]
    assert cable.ends[0].idle(84 * 800)


def test_port_waits_behind_the_queue(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, a, _ = wire(rate=10 * MBIT)
    for i in range(3):
        cable.ends[0].send(frame(i, 60), 0)
    cable.ends[0].tell_when_idle()
    bench.run()
    assert a.idle_at == [3 * 84 * 800]


def test_nothing_is_scheduled_for_an_idle_line(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, _ = wire(rate=10 * MBIT, delay=5)
    cable.ends[0].send(frame(), 0)
    assert len(bench.agenda) == 1  # the arrival, and nobody waits for the line
    bench.run()
    assert len(bench.agenda) == 0


def test_super_segment_stays_whole_and_is_charged_for_its_pieces(bench: Bench, wire: Wire) -> None:
    cable, _, b = wire(rate=10 * MBIT)
    frame = _super_segment(3000, 1000)
    cable.ends[0].send(frame, 0)
    bench.run()
    assert [f for _, f in b.heard] == [frame]
    assert b.times == [(3 * (1000 + 54 + 24) - 12) * 800]
    assert cable.ends[0].frames == 3


def test_super_segment_is_split_before_a_rule_that_takes_one_piece(bench: Bench, wire: Wire) -> None:
    whole, _, unharmed = wire(rate=10 * MBIT)
    whole.ends[0].send(_super_segment(3000, 1000), 0)
    cable, _, b = wire(rate=10 * MBIT)
    rule = cable.add_rule(Drop(None, nth(2)))
    cable.ends[0].send(_super_segment(3000, 1000), 0)
    bench.run()
    assert [len(body) for body in b.bodies] == [1000, 1000]
    assert rule.hits == 1
    assert b.times[-1] == unharmed.times[0]
    assert all(
        f.csum_start == 34 for _, f in b.heard
    )  # still offloaded: splitting is not paid for in checksums


def test_delay_does_not_split(bench: Bench, wire: Wire) -> None:
    cable, _, b = wire()
    cable.add_rule(Delay(50))
    cable.ends[0].send(_super_segment(3000, 1000), 0)
    bench.run()
    assert b.times == [50]
    assert b.heard[0][1].gso_size == 1000


def test_rules_judge_when_the_first_bit_goes_out(bench: Bench, wire: Wire, frame: Frames) -> None:
    """A cut at time t stops the frames that still wait at t, not those already on the line."""
    cable, _, b = wire(rate=10 * MBIT)
    for i in range(4):
        cable.ends[0].send(frame(i, 60), 0)
    bench.run(until=84 * 800)
    cable.add_rule(Cut())
    bench.run()
    assert [body[1] for body in b.bodies] == [0, 1]


def test_rule_for_one_direction(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, a, b = wire()
    cable.add_rule(Drop(), direction=1)
    cable.ends[0].send(frame(), 0)
    cable.ends[1].send(frame(), 0)
    bench.run()
    assert (len(a.heard), len(b.heard)) == (0, 1)


def test_guard_takes_the_rule_away(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire()
    with cable.add_rule(Cut()) as cut:
        cable.ends[0].send(frame(1), 0)
        bench.run()
    cable.ends[0].send(frame(2), 0)
    bench.run()
    cut.remove()  # a second time does nothing
    assert [body[1] for body in b.bodies] == [2]
    assert cut.hits == 1


def test_delays_add_up_and_keep_the_order(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(delay=10)
    extra = cable.add_rule(Delay(1_000))
    cable.add_rule(Delay(500))
    cable.ends[0].send(frame(1), 0)
    extra.remove()
    cable.ends[0].send(frame(2), 1)
    bench.run()
    assert b.times == [1_510, 1_510]
    assert [body[1] for body in b.bodies] == [1, 2]


def test_jitter_keeps_the_order_unless_told(bench: Bench, wire: Wire, frame: Frames) -> None:
    for overtaking in (False, True):
        cable, _, b = wire()
        cable.add_rule(Jitter(1_000, overtaking=overtaking))
        start = bench.now
        for i in range(100):
            cable.ends[0].send(frame(i), start)
        bench.run()
        order = [body[1] for body in b.bodies]
        assert (order == sorted(order)) is not overtaking
        assert sorted(order) == list(range(100))
        assert b.times == sorted(b.times)
        assert b.times[-1] <= start + 1_000


def test_held_back_frame_is_overtaken(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire(delay=10)
    cable.add_rule(Reorder(1.0, 100, None, nth(1)))
    for i in range(3):
        cable.ends[0].send(frame(i), i)
    bench.run()
    assert [(at, body[1]) for at, body in zip(b.times, b.bodies, strict=True)] == [(11, 1), (12, 2), (110, 0)]


def test_duplicate_is_another_frame_with_the_same_octets(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, _, b = wire()
    cable.add_rule(Duplicate(after_ns=30))
    cable.ends[0].send(frame(5), 0)
    bench.run()
    assert b.times == [0, 30]
    assert b.heard[0][1].octets() == b.heard[1][1].octets()
    assert b.heard[0][1] is not b.heard[1][1]


def test_unplugged_cable_loses_what_was_on_its_way(bench: Bench, wire: Wire, frame: Frames) -> None:
    cable, a, b = wire(rate=10 * MBIT, delay=1_000_000)
    cable.ends[0].send(frame(), 0)
    cable.ends[0].send(frame(), 0)
    cable.unplug()
    assert a.end is None
    assert b.end is None
    assert len(bench.agenda) == 0
    cable.plug(a, b)
    cable.ends[0].send(frame(9), bench.now)
    bench.run()
    assert [body[1] for body in b.bodies] == [9]


# --- the glass ---------------------------------------------------------------------------------------------------


def test_signal_tells_all_times_and_becomes_the_cause(bench: Bench, wire: Wire, frame: Frames) -> None:
    events: list[Event] = []
    cable, _, b = wire(rate=10 * MBIT, delay=5_000, trace=Trace(events.append), name="lan")
    sent = frame(length=60)
    sent.cause = 41
    cable.ends[0].send(sent, 100)
    bench.run()
    (signal,) = events
    assert isinstance(signal, Signal)
    assert (signal.cable, signal.sender, signal.receiver, signal.cause) == ("lan", "a", "b", 41)
    assert (signal.at, signal.ends_at, signal.arrives_at) == (100, 100 + 72 * 800, 5_100)
    assert signal.octets == sent.octets()
    assert b.heard[0][1].cause == signal.id


def test_glass_changes_nothing(bench: Bench, wire: Wire, frame: Frames) -> None:
    """The same arrivals, watched or not, split by a rule or not."""
    arrivals = []
    for trace in (None, Trace()):
        cable, _, b = wire(rate=10 * MBIT, delay=77, trace=trace)
        start = bench.now
        for i in range(3):
            cable.ends[0].send(frame(i, 300), start)
        cable.ends[0].send(_super_segment(5_500, 1_000), start)
        bench.run()
        arrivals.append([(at - start, bytes(f.head), bytes(f.body), f.gso_size) for at, f in b.heard])
    assert arrivals[0] == arrivals[1]


def test_super_segment_shows_as_its_pieces(bench: Bench, wire: Wire) -> None:
    events: list[Event] = []
    cable, _, b = wire(rate=10 * MBIT, trace=Trace(events.append))
    cable.ends[0].send(_super_segment(2_500, 1_000), 0)
    bench.run()
    assert [e.octets for e in events] == [s.octets() for s in gso.split(_super_segment(2_500, 1_000))]
    starts = [0, (1054 + 24) * 800, 2 * (1054 + 24) * 800]
    assert [e.at for e in events] == starts
    assert [e.ends_at for e in events] == [starts[1] - 9_600, starts[2] - 9_600, b.times[0]]
    assert [e.arrives_at for e in events] == starts
    assert b.heard[0][1].gso_size == 1_000


def test_rule_tells_what_it_did(bench: Bench, wire: Wire, frame: Frames) -> None:
    events: list[Event] = []
    cable, _, b = wire(trace=Trace(events.append))
    cable.add_rule(Drop(None, nth(1)))
    cable.ends[0].send(frame(), 0)
    bench.run()
    hit, signal = events
    assert isinstance(hit, RuleHit)
    assert (hit.rule, hit.action, hit.hits) == ("drop, once", "dropped", 1)
    assert isinstance(signal, Signal)
    assert signal.lost == "drop, once"
    assert b.heard == []


def test_full_queue_is_told(bench: Bench, wire: Wire, frame: Frames) -> None:
    events: list[Event] = []
    cable, _, _ = wire(rate=10 * MBIT, queue=0, trace=Trace(events.append))
    cable.ends[0].send(frame(), 0)
    cable.ends[0].send(frame(), 0)
    assert [e.lost for e in events if isinstance(e, Signal)] == ["", "queue full"]


def test_same_seed_same_fate(bench: Bench, wire: Wire, frame: Frames) -> None:
    def outcome(*, more: bool) -> list[bytes]:
        bench.random = Random(99)
        cable, _, b = wire()
        cable.add_rule(Loss("30%"))
        if more:  # another rule behind it does not change what the first one draws
            cable.add_rule(Jitter(5))
        start = bench.now
        for i in range(200):
            cable.ends[0].send(frame(i), start)
        bench.run()
        return b.bodies

    first = outcome(more=False)
    assert first == outcome(more=False) == outcome(more=True)
    assert 100 < len(first) < 180


def test_harm_is_seen_in_the_signal(bench: Bench, wire: Wire, frame: Frames) -> None:
    events: list[Event] = []
    cable, _, b = wire(trace=Trace(events.append))
    cable.add_rule(Corrupt())
    cable.add_rule(Truncate(50))
    cable.ends[0].send(frame(), 0)
    bench.run()
    assert [e.action for e in events if isinstance(e, RuleHit)] == ["corrupted", "truncated"]
    assert len(events[-1].octets) == 50
    assert b.heard[0][1].fcs is not None


def _super_segment(length: int, size: int) -> Frame:
    ip = bytes.fromhex("45000000 00004000 40060000 c0000201 c0000202")
    tcp = bytes.fromhex("0050 0051 00000001 00000002 5010 0200 0000 0000")
    return Frame(bytes(12) + b"\x08\x00" + ip + tcp, bytes(length), size, 34, 16)
