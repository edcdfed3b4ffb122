"""100,000 mutated frames leave the stack alive, unleaking and answering."""

import gc
import tracemalloc
from dataclasses import replace
from random import Random

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import IpConfig, MachineConfig, NeighborConfig, TcpConfig, UdpConfig
from netarium.base.trace import Trace
from netarium.base.units import MS, SECOND

from ..attacks.lab import FATES, Wire  # noqa: TID252
from .bed import STATES, Bed
from .mutate import cut, mutant
from .record import golden

FRAMES, BATCH = 25_000, 500
HOST = MachineConfig()
PLAIN = replace(
    HOST,
    tcp=TcpConfig(timestamps=False, sack=False, window_scaling=False, delayed_ack_ns=0),
    ip=IpConfig(answer_broadcast_echo=True, accept_redirects=True),
)
ROUTER = replace(HOST, ip=IpConfig(forwarding=True))
SMALL = MachineConfig(
    neighbor=NeighborConfig(max_entries=8, max_incomplete=4),
    ip=IpConfig(
        reassembly_max_datagrams=3, reassembly_max_bytes=4_096, pmtu_cache_size=2, icmp_errors_per_second=5
    ),
    udp=UdpConfig(receive_buffer=4_096),
    tcp=TcpConfig(
        max_half_open=4, max_time_wait=4, receive_buffer=4_096, send_buffer=8_192, msl_ns=5 * SECOND
    ),
)


@pytest.mark.slow
@pytest.mark.attack("PY-01")
@pytest.mark.parametrize(
    ("seed", "config", "traced"),
    [(1, HOST, False), (2, PLAIN, False), (3, ROUTER, False), (4, SMALL, True)],
    ids=["host", "plain", "router", "small-traced"],
)
def test_mutated_frames(seed: int, config: MachineConfig, traced: bool) -> None:
    print(f"seed {seed}")
    random = Random(seed)
    bed = Bed(random, config, Trace(lambda event: None) if traced else None)
    if config.ip.forwarding:
        second = Wire(b"\x02\0\0\0\1\1", [], 1_000)
        interface = bed.target.add_device(second, bed.now)
        bed.target.ip.add_address(interface, parse_ip("10.0.1.1"), 24, bed.now)
    storm(bed, golden(), FRAMES)
    assert set(STATES) <= set(bed.seen)
    reached = [fate for fate in FATES if bed.target.counters[fate]]
    assert len(reached) > 40, reached
    bed.close_everything()
    bed.check()
    bed.at_baseline()
    bed.still_works()
    bed.at_baseline()


def storm(bed: Bed, corpus: list[bytes], frames: int) -> None:
    """Mutants, while applications work and time passes."""
    random = bed.random
    for _ in range(frames // BATCH):
        bed.populate()
        living = bed.living()
        for _ in range(BATCH):
            if random.random() < 0.1:
                bed.work()
                living = bed.living()
            bed.inject(cut(mutant(corpus, living, random), random))
            if random.random() < 0.3:
                bed.advance(random.choice((1, 5, 40, 250, 1_100)) * MS)
        bed.wire.sent.clear()
        bed.peer_wire.sent.clear()
        bed.check()
        bed.bounds()


@pytest.mark.slow
def test_memory_is_flat() -> None:
    """After each of three storms all memory that they took is given back, but for what the first one taught."""
    bed, corpus = Bed(Random(5)), golden()
    tracemalloc.start()
    try:
        sizes = []
        for _ in range(4):
            storm(bed, corpus, 2_500)
            bed.close_everything()
            bed.at_baseline()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
            bed.open_everything()
    finally:
        tracemalloc.stop()
    assert sizes[3] - sizes[1] < 32_768, sizes
