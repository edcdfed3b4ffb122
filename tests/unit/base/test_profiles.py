"""Profiles: whole configurations by name."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.errors import UsageError
from netarium.base.profiles import PROFILES, profile


def test_the_default_is_linux_but_for_black_holes_urgent_octets_and_forged_segments() -> None:
    linux = replace(TcpConfig(), mtu_probing=0, mtu_probe_floor=48, urgent_in_line=False, rfc1337=False)
    assert profile("linux") == replace(
        linux, half_open_syn="reset", half_open_allowance=0, half_open_gives_way=False, trim_to_window=False,
        cubic_form="linux", tail_loss_probe_pushes=False, urgent_octet=True, rmem_max=4_194_304, wmem_max=4_194_304,
    )  # fmt: skip


def test_each_has_a_minimum_of_its_own() -> None:
    assert [profile(name).min_rto_ns // 1_000_000 for name in PROFILES] == [200, 30, 1_000]


def test_an_unknown_name_tells_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'solaris'; there are linux, freebsd, rfc"):
        profile("solaris")
