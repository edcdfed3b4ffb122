"""Whatever the cable does, what one end writes is what the other end reads; in the end nothing is left."""

import errno
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netarium.base.config import TcpConfig
from netarium.base.trace import Trace
from netarium.base.units import MS, SECOND
from netarium.link.rule import Rule
from netarium.link.rules import BurstLoss, Corrupt, Duplicate, Jitter, Loss, Reorder, Truncate

from .line import Line

Maker = Callable[[], Rule]
few = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a seed shrinks to nothing smaller
)

seeds = st.integers(0, 2**32)
sizes = st.one_of(
    st.integers(0, 20), st.integers(0, 60_000), st.sampled_from([0, 1, 1_460, 65_535, 65_536, 200_000])
)
mild = st.floats(0, 0.06)
faults = st.lists(  # of makers of rules: a rule serves once
    st.one_of(
        mild.map(lambda chance: partial(Loss, chance)),
        st.tuples(st.floats(0.001, 0.01), st.floats(0.5, 1)).map(lambda pair: partial(BurstLoss, *pair)),
        st.integers(0, 20 * MS).map(lambda ns: partial(Jitter, ns)),
        st.integers(0, 30 * MS).map(lambda ns: partial(Jitter, ns, overtaking=True)),
        st.tuples(st.floats(0, 0.3), st.integers(1, 50 * MS)).map(lambda pair: partial(Reorder, *pair)),
        st.tuples(st.floats(0, 0.3), st.integers(0, 30 * MS)).map(
            lambda pair: partial(Duplicate, pair[0], after_ns=pair[1])
        ),
        st.tuples(mild, st.booleans()).map(lambda pair: partial(Corrupt, pair[0], undetected=pair[1])),
        mild.map(lambda chance: partial(Truncate, 70, chance)),
    ),
    max_size=3,
)
lines = st.fixed_dictionaries(
    {
        "mtu": st.sampled_from([68, 296, 576, 1_500, 9_000]),
        "offload": st.booleans(),
        "rate": st.sampled_from([None, 1_000_000, 10_000_000, 1_000_000_000]),
        "delay": st.sampled_from([0, 1, 5 * MS, 100 * MS]),
    }
)
configs = st.builds(
    TcpConfig,
    timestamps=st.booleans(),
    sack=st.booleans(),
    window_scaling=st.booleans(),
    nagle=st.booleans(),
    delayed_ack_ns=st.sampled_from([0, 40 * MS, 200 * MS]),
    receive_buffer=st.sampled_from([2_000, 8_192, 131_072]),
    send_buffer=st.sampled_from([4_096, 131_072]),
    initial_window_segments=st.sampled_from([1, 3, 10]),
    msl_ns=st.just(5 * SECOND),
    # A burst goes on for as long as frames are few: nobody must give up only because of bad luck.
    data_retries=st.just(40),
    orphan_retries=st.just(40),
    syn_retries=st.just(40),
)


def give(seed: int, *amounts: int) -> list[bytes]:
    """Octets to send; different for each end."""
    random = Random(seed)
    return [random.randbytes(amount) for amount in amounts]


def small(mtu: int, one: int, other: int) -> tuple[int, int]:
    """Amounts that such a line moves in a reasonable number of frames."""
    most = min(60 * mtu, 200_000)
    return min(one, most), min(other, most)


@given(seeds, sizes, sizes, faults, lines, st.tuples(configs, configs))
@few
def test_what_is_written_is_read(
    seed: int, up: int, down: int, rules: list[Maker], settings_: dict, tcp: tuple[TcpConfig, TcpConfig]
) -> None:
    up, down = small(settings_["mtu"], up, down)
    line = Line(seed, tcp=tcp, **settings_)
    for rule in rules:
        line.cable.add_rule(rule())
    one, other = give(seed, up, down)
    client, server = line.converse(one, other)
    assert (client.error, server.error) == (0, 0)
    assert server.received == one
    assert client.received == other
    line.at_rest()


@given(seeds, st.integers(1, 30_000), st.floats(0.2, 0.9), st.booleans())
@few
@pytest.mark.rfc("9293", "MUST-20")
def test_heavy_loss_ends_well_or_in_a_timeout(seed: int, size: int, loss: float, sack: bool) -> None:
    """What was read is a beginning of what was written; who gives up says ETIMEDOUT, and tells the other."""
    tcp = TcpConfig(sack=sack, data_retries=6, msl_ns=5 * SECOND, r2_syn_ns=20 * SECOND, syn_retries=4)
    line = Line(seed, tcp=(tcp, tcp))
    line.cable.add_rule(Loss(loss))
    one, other = give(seed, size, size)
    client, server = line.converse(one, other, keepalive=True)
    assert one.startswith(bytes(server.received))
    assert other.startswith(bytes(client.received))
    assert {client.error, server.error} <= {0, errno.ETIMEDOUT, errno.ECONNRESET, errno.EPIPE}
    line.at_rest()


@given(seeds, st.integers(0, 20_000), faults)
@settings(few, max_examples=10)
def test_one_seed_one_run(seed: int, size: int, rules: list[Maker]) -> None:
    """The same events at the same times, to the last number."""
    runs = []
    for _ in range(2):
        events: list[object] = []
        line = Line(seed, trace=Trace(lambda event, log=events: log.append(event.as_dict())))
        for rule in rules:
            line.cable.add_rule(rule())
        one, other = give(seed, size, size // 2)
        line.converse(one, other)
        runs.append(events)
    assert runs[0] == runs[1]
