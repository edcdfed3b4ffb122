"""The search for the largest segment that passes."""

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.tcp.plpmtud import PathSearch

CONFIG = TcpConfig(base_mss=1_024, mtu_probe_floor=48)
MOST = 1_448


def find(search: PathSearch, passes: int, ceiling: int = MOST, now: int = 0) -> int:
    """Probe until the search says that it is over; how many probes that took."""
    probes = 0
    while size := search.candidate(ceiling, now):
        search.sent(0, size, 0)
        probes += 1
        if size <= passes:
            search.succeeded()
        else:
            search.failed()
        assert not search.probe
    return probes


@pytest.mark.rfc("4821-01")
@pytest.mark.parametrize("passes", [1_024, 1_025, 1_228, 1_300, 1_447, 1_448])
def test_it_ends_within_the_threshold(passes: int) -> None:
    search = PathSearch(CONFIG, MOST, 0)
    assert 1 <= find(search, passes) <= 7  # log2 of what is between
    assert search.low <= passes < search.low + CONFIG.mtu_probe_threshold
    assert search.limit(MOST) == search.low


def test_a_gain_below_the_threshold_is_not_searched_for() -> None:
    assert find(PathSearch(CONFIG, 1_024 + 7, 0), 2_000) == 0
    assert find(PathSearch(CONFIG, 1_024 + 8, 0), 2_000) > 0


def test_a_small_peer_is_the_ceiling() -> None:
    search = PathSearch(CONFIG, 500, 0)
    assert (search.low, search.high, search.candidate(500, 0)) == (500, 500, 0)


@pytest.mark.rfc("4821", "7.7")
def test_down_by_halves_to_the_floor() -> None:
    search = PathSearch(CONFIG, MOST, 0)
    sizes = []
    for _ in range(7):
        search.step_down()
        sizes.append(search.low)
    assert sizes == [512, 256, 128, 64, 48, 48, 48]
    below = PathSearch(TcpConfig(base_mss=30), MOST, 0)
    below.step_down()
    assert below.low == 30, "the floor raises nothing"


@pytest.mark.rfc("4821", "7.3")
def test_after_ten_minutes_it_begins_anew() -> None:
    search = PathSearch(CONFIG, MOST, 5 * SECOND)
    find(search, 1_200)
    low = search.low
    assert search.candidate(MOST, 604 * SECOND) == 0
    assert search.high < MOST
    assert search.candidate(MOST, 605 * SECOND) == 0  # this ACK opens the range, the next one probes it
    assert search.candidate(MOST, 605 * SECOND) == (low + MOST) // 2


def test_what_icmp_says_bounds_it() -> None:
    search = PathSearch(CONFIG, MOST, 0)
    assert search.limit(1_160) == 1_024
    assert search.high == 1_160
    assert search.limit(800) == 800
    assert search.candidate(800, 0) == 0
