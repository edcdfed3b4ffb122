"""Each fault rule: what it does, how often, and the line in which it tells."""

from collections.abc import Callable
from random import Random

import pytest

from netarium.base.errors import UsageError
from netarium.link.frame import Frame
from netarium.link.rules import (
    BurstLoss,
    Corrupt,
    Cut,
    Delay,
    Drop,
    Duplicate,
    Jitter,
    Loss,
    Mark,
    Reorder,
    Rule,
    Truncate,
    Verdict,
    judge,
)
from netarium.link.selector import ONCE, Schedule, Selector, between, every, first, nth
from netarium.signal.fcs import fcs
from netarium.wire.ipv4 import Ipv4Header

FRAME = Frame(bytes(12) + b"\x88\xb5", b"\xaa" * 100, cause=3)


def fates(rule: Rule, count: int, start: int = 0) -> list[bool]:
    """For frames at times start, start + 1, ...: did the rule do something?"""
    outcome = []
    for i in range(count):
        verdict = judge([rule], FRAME, start + i)
        outcome.append(bool(verdict.hits))
    return outcome


def test_loss_has_its_probability_and_is_seeded() -> None:
    rule = Loss("20%", random=Random(5))
    lost = fates(rule, 10_000)
    assert 1_850 < sum(lost) < 2_150
    assert rule.hits == sum(lost)
    assert rule.seen == 10_000
    assert lost == fates(Loss(0.2, random=Random(5)), 10_000)
    assert lost != fates(Loss(0.2, random=Random(6)), 10_000)


def test_certain_loss_draws_nothing() -> None:
    random = Random(1)
    before = random.getstate()
    assert all(fates(Loss(1.0, random=random), 5))
    assert random.getstate() == before


def test_burst_loss_comes_in_bursts_of_the_right_length() -> None:
    lost = fates(BurstLoss("1%", "25%", random=Random(2)), 50_000)
    runs = "".join("x" if hit else "." for hit in lost).replace(".", " ").split()
    assert 3.5 < sum(map(len, runs)) / len(runs) < 4.5  # 1 / 25 %
    assert 0.03 < sum(lost) / len(lost) < 0.05  # 0.01 / (0.01 + 0.25)


def test_burst_loss_in_either_state() -> None:
    rule = BurstLoss(0.5, 0.5, loss_bad=0.0, loss_good=1.0, random=Random(2))
    for _ in range(50):
        verdict = judge([rule], FRAME, 0)
        assert (verdict.taken_by is not None) is (not rule.bad)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ONCE, [1, 0, 0, 0, 0, 0, 0]),
        (first(3), [1, 1, 1, 0, 0, 0, 0]),
        (every(3), [0, 0, 1, 0, 0, 1, 0]),
        (nth(4), [0, 0, 0, 1, 0, 0, 0]),
        (between(2, 4), [0, 0, 1, 1, 0, 0, 0]),
        (between(5, None), [0, 0, 0, 0, 0, 1, 1]),
    ],
)
def test_schedules(schedule: Schedule, expected: list[int]) -> None:
    assert fates(Drop(None, schedule), 7) == [bool(x) for x in expected]


def test_schedule_counts_only_what_the_selector_lets_through() -> None:
    rule = Drop(lambda frame: bytes(frame.head[:1]) == b"\x01", nth(2))
    one, other = Frame(b"\x01" + bytes(59)), Frame(bytes(60))
    taken = [judge([rule], f, 0).taken_by is rule for f in (other, one, other, one, one)]
    assert taken == [False, False, False, True, False]


def test_first_rule_to_take_a_frame_ends_it() -> None:
    before, taker, after = Delay(5), Drop(), Delay(7)
    verdict = judge([before, taker, after], FRAME, 0)
    assert verdict.taken_by is taker
    assert [rule for rule, _ in verdict.hits] == [before, taker]
    assert after.seen == 0


def test_delays_add_up() -> None:
    verdict = judge([Delay(5), Delay(7), Reorder(1.0, 100), Jitter(0, random=Random(1))], FRAME, 0)
    assert (verdict.delay, verdict.held) == (12, 100)


def test_jitter_stays_in_its_range_and_uses_all_of_it() -> None:
    rule = Jitter(3, random=Random(1))
    assert {judge([rule], FRAME, 0).delay for _ in range(200)} == {0, 1, 2, 3}


def test_duplicates_add_up() -> None:
    assert judge([Duplicate(), Duplicate(after_ns=9)], FRAME, 0).copies == [0, 9]


@pytest.mark.rfc("802.3", "eth-04")
@pytest.mark.parametrize("bits", [1, 2, 7])
def test_corruption_keeps_the_senders_fcs(bits: int) -> None:
    verdict = judge([Corrupt(bits=bits, random=Random(3))], FRAME, 0)
    sent, came = FRAME.octets(), verdict.frame.octets()
    assert verdict.frame.fcs == fcs(sent) != fcs(came)
    assert sum((a ^ b).bit_count() for a, b in zip(sent, came, strict=True)) == bits
    assert FRAME.octets() == sent  # the sender's own frame is not touched
    assert verdict.frame.cause == 3


def test_undetected_corruption_is_left_to_the_transport_checksum() -> None:
    partial = Frame(bytes(14) + bytes(20) + bytes(20), b"payload", 0, 34, 16)
    came = judge([Corrupt(undetected=True, behind=54, random=Random(3))], partial, 0).frame
    assert (came.fcs, came.csum_start, came.checked) == (None, 0, False)
    assert came.octets()[:34] == partial.octets()[:34]
    assert came.octets()[50:52] != b"\x00\x00"  # the checksum had been finished before the harm


def test_corruption_of_a_corrupted_frame_is_still_seen() -> None:
    verdict = judge([Corrupt(random=Random(1)), Corrupt(random=Random(2))], FRAME, 0)
    assert verdict.frame.fcs == fcs(FRAME.octets())


def test_truncation() -> None:
    rule = Truncate(40)
    verdict = judge([rule], FRAME, 0)
    assert verdict.frame.octets() == FRAME.octets()[:40]
    assert verdict.frame.fcs == fcs(FRAME.octets())
    short = judge([Truncate(200)], FRAME, 0)
    assert short.frame is FRAME
    assert not short.hits


def test_rules_describe_themselves() -> None:
    syn = Selector(protocol="tcp", flags="syn", without="ACK", dst_port=80)
    assert [
        str(rule)
        for rule in (
            Loss(0.2),
            Loss("0.5%", syn, first(3)),
            Drop(syn, nth(2)),
            Drop(None, every(7)),
            Cut(None, between(1_500_000_000, 3_000_000_000)),
            BurstLoss("1%", "25%"),
            Delay(20_000_000),
            Jitter(5_000_000),
            Jitter(5_000_000, overtaking=True),
            Reorder("1%", 3_000_000),
            Duplicate("2%"),
            Corrupt("0.1%"),
            Corrupt(bits=3, undetected=True),
            Truncate(40, schedule=ONCE),
        )
    ] == [
        "lose 20%",
        "lose 0.5% of tcp dst port 80 SYN without ACK, first 3",
        "drop of tcp dst port 80 SYN without ACK, number 2 only",
        "drop, one in 7",
        "cut, from 1.5 s until 3 s",
        "burst loss, begins 1%, ends 25%",
        "delay 20 ms",
        "jitter up to 5 ms",
        "jitter up to 5 ms, overtaking",
        "reorder 1% by 3 ms",
        "duplicate 2%",
        "corrupt 0.1% (1 bit)",
        "corrupt 100% (3 bits, not seen by the FCS)",
        "truncate 100% to 40 octets, once",
    ]
    rule = Drop(None, every(2))
    fates(rule, 5)
    assert repr(rule) == "<drop, one in 2: 2 of 5>"


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: Loss(1.5),
        lambda: Loss("-1%"),
        lambda: Delay(-1),
        lambda: Jitter(-1),
        lambda: Reorder(0.1, 0),
        lambda: Corrupt(bits=0),
        lambda: Truncate(-1),
        lambda: BurstLoss(2, 0.1),
        lambda: first(0),
        lambda: every(0),
        lambda: nth(0),
    ],
)
def test_mistakes_get_one_clear_line(mistake: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        mistake()
    assert "\n" not in str(caught.value)


def test_verdict_begins_empty() -> None:
    verdict = Verdict(FRAME)
    assert (verdict.delay, verdict.held, verdict.copies, verdict.taken_by, verdict.hits) == (
        0,
        0,
        [],
        None,
        [],
    )


def ip_frame(tos: int, version: int = 4) -> Frame:
    if version == 6:
        return Frame(bytes(12) + b"\x86\xdd" + bytes((0x60 | tos >> 4, (tos & 15) << 4)) + bytes(38))
    header = Ipv4Header(
        src=b"\x0a\0\0\1", dst=b"\x0a\0\0\2", protocol=6, ttl=64, tos=tos, identification=1, dont_fragment=True,
        more_fragments=False, fragment_offset=0, total_length=40, header_length=20, options=b"",
    )  # fmt: skip
    return Frame(bytes(12) + b"\x08\0" + header.pack() + bytes(20))


@pytest.mark.parametrize("codepoint", [1, 2, 3])
def test_mark_sets_both_bits_and_keeps_the_rest(codepoint: int) -> None:
    verdict = judge([Mark()], ip_frame(0x20 | codepoint), 0)
    assert verdict.taken_by is None
    assert Ipv4Header.parse(verdict.frame.octets()[14:]).tos == 0x23  # parse() verifies the checksum
    assert verdict.hits[0][1] == "marked"


def test_mark_of_a_version_6_packet() -> None:
    octets = judge([Mark()], ip_frame(0x21, 6), 0).frame.octets()
    assert octets[14:16] == bytes((0x62, 0x30))


def test_who_cannot_be_marked_is_lost_or_passes() -> None:
    for frame in (ip_frame(0), ip_frame(0x20, 6), FRAME):
        assert judge([Mark()], frame, 0).taken_by is not None
        verdict = judge([Mark(lose=False)], frame, 0)
        assert verdict.taken_by is None
        assert verdict.frame is frame
        assert not verdict.hits


def test_a_mark_tells_of_itself() -> None:
    assert str(Mark("25%")) == "mark 25%"
