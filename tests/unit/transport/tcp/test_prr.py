"""Proportional rate reduction: how many segments may go (RFC 9937, RFC 6937)."""

import pytest

from netarium.transport.tcp.prr import Prr


def begun(cwnd: int) -> Prr:
    return Prr(cwnd)


def send(prr: Prr, delivered: int, in_flight: int, ssthresh: int, *, safe: bool = False) -> int:
    count = prr.sndcnt(delivered, in_flight, ssthresh, safe=safe)
    prr.prr_out += count
    return count


@pytest.mark.rfc("6937", "01")
def test_one_half_goes_as_one_arrives() -> None:
    """Twenty in flight, one lost, ssthresh ten: after nineteen SACKs ten were sent, evenly."""
    prr, in_flight, sent = begun(20), 19, []
    for _ in range(19):
        in_flight -= 1
        sent.append(send(prr, 1, in_flight, 10))
        in_flight += sent[-1]
    assert sum(sent) == 10
    assert sent[0] == 1  # the first retransmission
    assert max(sent) == 1
    assert in_flight == 10


@pytest.mark.rfc("6937", "01")
def test_the_share_is_rounded_up() -> None:
    prr = begun(10)
    assert send(prr, 1, 9, 7) == 1
    assert send(prr, 1, 9, 7) == 1  # 2 * 7 / 10 = 1.4: two in all
    assert send(prr, 1, 9, 7) == 1  # 2.1: three
    assert send(prr, 1, 9, 7) == 0  # 2.8: three


@pytest.mark.rfc("6937", "01")
def test_below_ssthresh_it_sends_what_arrives_and_one_more_if_all_is_well() -> None:
    prr = begun(20)
    assert send(prr, 1, 3, 10) == 1
    assert send(prr, 2, 3, 10) == 2  # conservative: no more than was delivered
    assert send(prr, 2, 3, 10, safe=True) == 3
    assert send(prr, 5, 8, 10, safe=True) == 2  # never beyond ssthresh
    assert send(prr, 5, 10, 10, safe=True) == 0


@pytest.mark.rfc("6937", "01")
def test_what_was_not_used_may_be_made_up_for_below_ssthresh() -> None:
    prr = begun(20)
    prr.prr_out = 1
    prr.sndcnt(9, 15, 10, safe=False)  # five might have gone; the application had nothing
    assert prr.sndcnt(1, 4, 10, safe=False) == 6


@pytest.mark.rfc("6937", "01")
def test_the_first_retransmission_always_goes() -> None:
    prr = begun(10)
    assert prr.sndcnt(1, 30, 1, safe=False) == 1
    prr.prr_out = 1
    assert prr.sndcnt(1, 30, 1, safe=False) == 0
    assert Prr(0).prior_cwnd == 1  # a share of it is computed
