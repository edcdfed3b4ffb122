"""The maximum of a sliding window, against a list."""

from random import Random

from netarium.transport.tcp.congestion.maxfilter import MaxFilter


def test_it_is_the_maximum_of_the_last_steps() -> None:
    random = Random(3)
    window, seen, time = MaxFilter(10), [], 0
    assert window.value == 0
    for _ in range(2_000):
        time += random.choice((0, 0, 1, 1, 2, 5, 20))
        value = random.randrange(1_000)
        window.update(time, value)
        seen.append((time, value))
        expected = max(v for t, v in seen if t > time - 10)
        # Of one step only the first of a falling row is kept: its maximum is right, and it goes as a whole.
        assert window.value == expected
        assert len(window._kept) <= 10


def test_of_one_step_one_value_is_kept() -> None:
    window = MaxFilter(3)
    for value in (9, 8, 7, 6, 5):
        assert window.update(1, value) == 9
    assert len(window._kept) == 1
    assert window.update(3, 4) == 9
    assert window.update(4, 3) == 4  # the first step is over
    assert window.update(5, 4) == 4
    assert window.update(8, 1) == 1
