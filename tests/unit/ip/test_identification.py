"""Identifications: unique for long, in no order (RFC 6864, RFC 7739)."""

import itertools
import random

import pytest

from netarium.ip.identification import IdentificationSource
from netarium.wire.ipv4 import Ipv4Header


@pytest.mark.rfc("6864", "01")
def test_no_repetition_within_the_whole_range():
    source = IdentificationSource(random.Random(1))
    assert len({source.next(b"a") for _ in range(65_536)}) == 65_536


@pytest.mark.attack("IP4-11")
def test_no_order_and_no_relation_between_destinations():
    source = IdentificationSource(random.Random(2))
    one, two = [], []
    for _ in range(1_000):
        one.append(source.next(b"one"))
        two.append(source.next(b"two"))
    steps = [(b - a) & 0xFFFF for a, b in itertools.pairwise(one)]
    assert max(steps.count(step) for step in steps[:50]) <= 3
    differences = [(b - a) & 0xFFFF for a, b in zip(one, two, strict=True)]
    assert len(set(differences)) > 900
    # chi-square over 16 bins, 15 degrees of freedom: p = 0.001 at 37.7
    for values in (one, two, steps):
        bins = [0] * 16
        for value in values:
            bins[value >> 12] += 1
        expected = len(values) / 16
        assert sum((count - expected) ** 2 / expected for count in bins) < 37.7


def test_destinations_are_bounded():
    source = IdentificationSource(random.Random(3))
    for number in range(5_000):
        source.next(number.to_bytes(8, "big"))
    assert len(source._counts) == 1_024


def test_atomic_packets_bear_none(bench, pair):
    a, _ = pair
    a.send("10.0.0.2")
    bench.settle()
    bench.log.clear()
    for _ in range(3):
        a.send("10.0.0.2", dont_fragment=True)
        a.send("10.0.0.2")
    bench.settle()
    headers = [header for _, header, _ in bench.ips()]
    assert {h.identification for h in headers if h.dont_fragment} == {0}
    assert len({h.identification for h in headers if not h.dont_fragment}) == 3
    assert isinstance(headers[0], Ipv4Header)
