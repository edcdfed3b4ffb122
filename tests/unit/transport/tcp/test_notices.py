"""The error queue of a connection: which entries there are, and that it is bounded."""

from netarium.transport.tcp.notices import (
    ACKNOWLEDGED,
    OPT_ID,
    OPT_TSONLY,
    SCHEDULED,
    SENT,
    TX_ACK,
    TX_SCHED,
    TX_SOFTWARE,
    ZEROCOPY,
    Notices,
)


def drain(notices: Notices) -> list[tuple[str, int, int, int]]:
    found = []
    while (notice := notices.take()) is not None:
        found.append((notice.kind[:4], notice.info, notice.data, notice.size))
    return found


def test_neighbouring_zerocopy_sends_share_an_entry() -> None:
    notices = Notices()
    for end in (100, 200, 300):
        notices.mark_zerocopy(end, notices.next_zerocopy())
    assert not notices.acknowledged(99, 1)
    assert notices.acknowledged(200, 2)
    assert drain(notices) == [(ZEROCOPY[:4], 0, 1, 0)]
    assert notices.ended(3)
    assert drain(notices) == [(ZEROCOPY[:4], 2, 2, 0)]
    assert not notices.ended(4)


def test_a_send_in_several_parts_is_one() -> None:
    notices = Notices()
    one = notices.next_zerocopy()
    notices.mark_zerocopy(100, one)
    notices.mark_zerocopy(150, one)
    assert not notices.acknowledged(149, 1)
    assert notices.acknowledged(150, 1)


def test_of_writes_in_one_segment_the_last_is_told_and_a_retransmission_again() -> None:
    notices = Notices()
    notices.count_from(1_000)
    for end in (1_010, 1_030):
        notices.mark_write(end, TX_SCHED | TX_SOFTWARE | TX_ACK | OPT_ID)
    notices.sent(1_000, 1_030, 40, 5)
    notices.sent(1_000, 1_030, 40, 9)
    assert notices.acknowledged(1_030, 10)
    assert drain(notices) == [
        ("time", SCHEDULED, 29, 70),
        ("time", SENT, 29, 70),
        ("time", SCHEDULED, 29, 70),
        ("time", SENT, 29, 70),
        ("time", ACKNOWLEDGED, 29, 30),
    ]


def test_without_numbers_and_without_packets() -> None:
    notices = Notices()
    notices.mark_write(7, TX_ACK | OPT_TSONLY)
    notices.sent(0, 7, 40, 5)
    notices.acknowledged(7, 6)
    assert drain(notices) == [("time", ACKNOWLEDGED, 0, 0)]


def test_when_the_last_octet_that_is_read_arrived() -> None:
    notices = Notices()
    assert notices.read(10) == 0
    notices.arrived(100, 5)
    notices.arrived(100, 6)  # nothing new
    notices.arrived(200, 7)
    assert [notices.read(upto) for upto in (50, 100, 101, 200)] == [5, 5, 7, 7]
    for end in range(201, 10_001):
        notices.arrived(end, end + 5)
    late = Notices()
    late.arrived(100, 5)
    late.arrived(100, 6)
    assert late.read(150) == 5, "of more than has come, that of the last"
    assert notices.read(201) == 10_000 - 4_095 + 5, "what came before is forgotten"


def test_it_is_counted_what_was_told() -> None:
    notices = Notices()
    assert notices.told == 0
    notices.mark_write(10, TX_ACK | TX_SCHED)
    notices.sent(0, 10, 40, 1)
    assert notices.told == 1
    assert notices.acknowledged(10, 2)
    assert notices.told == 2
    notices.mark_zerocopy(20, notices.next_zerocopy())
    assert notices.acknowledged(20, 2)
    assert notices.told == 3
    notices.mark_write(30, TX_SCHED)
    assert not notices.acknowledged(30, 2), "nobody asked when it was acknowledged"
    assert notices.told == 3


def test_the_oldest_make_room() -> None:
    notices = Notices()
    for end in range(1, 10_000):
        notices.mark_write(end, TX_ACK | OPT_ID)
    notices.acknowledged(10_000, 1)
    assert len(notices.queue) == 4_096
    assert notices.queue[-1].data == 9_998
