"""SYN cookies: what a number and a timestamp can hold of a SYN, and which are believed when they come back."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.profiles import profile
from netarium.base.units import MS, SECOND
from netarium.transport.tcp import syncookies
from netarium.transport.tcp.isn import IsnGenerator
from netarium.wire.tcp import ACK, TcpSegment

ISN = IsnGenerator(b"secret")
KEY = b"a connection"
MINUTE = 60 * SECOND
NOW = 10 * MINUTE + 30 * SECOND
IRS = 0xFFFF_FFF0
MASK = 0xFFFF_FFFF


def record(name: str = "linux", **fields: Any) -> Any:
    """What a listener knows of a SYN, as far as cookies are concerned; `sent` are the SYN,ACKs' timestamps."""
    sent: list[int] = []
    config = {
        key: fields.pop(key) for key in ("timestamps", "sack", "window_scaling", "ecn") if key in fields
    }
    known = {
        "config": replace(profile(name), **config), "key": KEY, "irs": IRS, "iss": 0, "peer_mss": 1_460, "ts_offset": 0x8000_0123,
        "ts_ok": True, "sack_ok": True, "wscale_ok": True, "ecn_ok": True, "snd_wind_shift": 9, "rcv_wind_shift": 7,
        "ts_recent": 0, "ts_recent_at": 0, "answered_at": 0, "sent": sent,
    }  # fmt: skip
    half = SimpleNamespace(**{**known, **fields})
    half.send_syn_ack = lambda ts_val, now: sent.append(ts_val)
    return half


def blank(name: str = "linux", **fields: Any) -> Any:
    """A fresh record, made from an ACK."""
    return record(
        name, **{"ts_ok": False, "sack_ok": False, "wscale_ok": False, "ecn_ok": False, "snd_wind_shift": 0, "peer_mss": 536, **fields}
    )  # fmt: skip


def ack_of(half: Any, *, add: int = 0, ts: bool | None = None) -> TcpSegment:
    """The ACK that answers the SYN,ACK."""
    stamped = half.ts_ok if ts is None else ts
    stamp = {"ts_val": 77, "ts_ecr": half.sent[-1]} if stamped else {}
    return TcpSegment(1, 2, (IRS + 1) & MASK, (half.iss + 1 + add) & MASK, ACK, 5, **stamp)


def comes_back(half: Any, *, after: int = 0, name: str = "linux", **fields: Any) -> Any:
    """The record that the ACK makes; None: it is not believed."""
    syncookies.answer(half, ISN, NOW)
    made = blank(name, **fields)
    return made if syncookies.restore(made, ack_of(half), ISN, NOW + after) else None


# --- as Linux ---------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("4987", "01")
@pytest.mark.parametrize(
    ("mss", "back"),
    [(88, 536), (536, 536), (1_299, 536), (1_300, 1_300), (1_439, 1_300), (1_440, 1_440), (1_459, 1_440), (1_460, 1_460), (9_000, 1_460)],
)  # fmt: skip
def test_the_mss_comes_back_rounded_down(mss: int, back: int) -> None:
    made = comes_back(record(peer_mss=mss))
    assert made.peer_mss == back
    assert (made.iss, made.irs, made.answered_at) == (record().iss or made.iss, IRS, NOW)


@pytest.mark.parametrize("sack", [True, False])
@pytest.mark.parametrize("ecn", [True, False])
@pytest.mark.parametrize(
    ("wscale", "shift", "ours"), [(True, 9, 7), (True, 0, 7), (True, 14, 7), (False, 0, 0)]
)
def test_with_timestamps_the_options_come_back(
    sack: bool, ecn: bool, wscale: bool, shift: int, ours: int
) -> None:
    made = comes_back(record(sack_ok=sack, ecn_ok=ecn, wscale_ok=wscale, snd_wind_shift=shift))
    assert (made.ts_ok, made.sack_ok, made.ecn_ok, made.wscale_ok) == (True, sack, ecn, wscale)
    assert (made.snd_wind_shift, made.rcv_wind_shift) == (shift, ours)
    assert (made.ts_recent, made.ts_recent_at) == (77, NOW)


def test_without_timestamps_there_are_none() -> None:
    half = record(ts_ok=False)
    made = comes_back(half)
    assert (half.sack_ok, half.wscale_ok, half.ecn_ok, half.rcv_wind_shift) == (False, False, False, 0), (
        "nor in the SYN,ACK"
    )
    assert (made.ts_ok, made.sack_ok, made.wscale_ok, made.ecn_ok) == (False, False, False, False)
    assert (made.snd_wind_shift, made.rcv_wind_shift, made.ts_recent) == (0, 0, 0)


def test_an_echo_of_nothing_says_nothing() -> None:
    half = record()
    syncookies.answer(half, ISN, NOW)
    seg = ack_of(half)
    seg.ts_ecr = 0
    made = blank()
    assert syncookies.restore(made, seg, ISN, NOW)
    assert (made.ts_ok, made.sack_ok, made.rcv_wind_shift) == (False, False, 0)


@pytest.mark.parametrize("clock", [*range(130), 1_000_000, 0x1_0000_0000 + 5])
def test_a_timestamp_with_options_in_it_is_never_of_the_future(clock: int) -> None:
    half = record(ts_offset=0)
    syncookies.answer(half, ISN, clock * MS)
    behind = (clock - half.sent[-1]) & MASK
    assert behind < 64 or clock < 64
    assert half.sent[-1] & 63 == 9 | 16 | 32


@pytest.mark.parametrize(
    ("off", "believed", "ecn"),
    [
        ({"timestamps": False}, False, False),
        ({"sack": False}, False, True),
        ({"window_scaling": False}, False, True),
        ({"ecn": 0}, True, False),
        ({}, True, True),
    ],
)
def test_what_we_do_not_do_any_more_is_not_believed(off: dict[str, Any], believed: bool, ecn: bool) -> None:
    made = comes_back(record(), **off)
    assert (made is not None) == believed
    assert made is None or made.ecn_ok == ecn
    plain = record(sack_ok=False, wscale_ok=False, ecn_ok=False)
    assert (comes_back(plain, **off) is not None) == (off != {"timestamps": False}), (
        "unless it does not matter"
    )


def test_a_shift_of_more_than_14_means_14() -> None:
    """Of those that fit the bits, 15 says that there is none."""
    assert comes_back(record(snd_wind_shift=14)).snd_wind_shift == 14


@pytest.mark.attack("TCP-22")
@pytest.mark.parametrize(
    ("after", "good"),
    [(0, True), (29 * SECOND, True), (MINUTE, True), (89 * SECOND, True), (90 * SECOND, False), (255 * MINUTE, False), (256 * MINUTE, False)],
)  # fmt: skip
@pytest.mark.parametrize("name", ["linux", "freebsd"])
def test_for_how_long_it_is_good(after: int, good: bool, name: str) -> None:
    """This minute and the next; nor again when the eight bits of its clock come round."""
    assert (comes_back(record(name), after=after, name=name) is not None) == good


def test_what_says_that_it_was_made_before_time_began_was_not() -> None:
    half = record()
    syncookies.answer(half, ISN, 0)
    assert syncookies.restore(blank(), ack_of(half), ISN, 0)
    assert syncookies.restore(blank(), ack_of(half), ISN, MINUTE)
    old = record()
    syncookies.answer(old, ISN, 255 * MINUTE)  # its clock shows 0
    assert not syncookies.restore(blank(), ack_of(old), ISN, 0)


@pytest.mark.attack("TCP-22")
def test_which_numbers_beside_a_good_one_are_good() -> None:
    """The other sizes of segments, and no others."""
    half = record(peer_mss=536)
    syncookies.answer(half, ISN, NOW)
    good = [add for add in range(-50, 50) if syncookies.restore(blank(), ack_of(half, add=add), ISN, NOW)]
    assert good == [0, 1, 2, 3]
    assert not syncookies.restore(blank(), ack_of(half, add=1 << 24), ISN, NOW), "of the next minute"


# --- as FreeBSD: all of it in the number ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mss", "back"),
    [(100, 216), (216, 216), (535, 216), (1_199, 536), (1_200, 1_200), (1_360, 1_360), (1_401, 1_400), (1_440, 1_440), (1_452, 1_452), (1_460, 1_460)],
)  # fmt: skip
def test_the_mss_in_the_number(mss: int, back: int) -> None:
    assert comes_back(record("freebsd", peer_mss=mss), name="freebsd").peer_mss == back


@pytest.mark.parametrize("sack", [True, False])
@pytest.mark.parametrize("ts", [True, False])
@pytest.mark.parametrize(
    ("wscale", "shift", "back", "ours"),
    [(True, 1, 1, 7), (True, 3, 2, 7), (True, 5, 4, 7), (True, 6, 6, 7), (True, 7, 7, 7), (True, 9, 8, 7), (True, 14, 14, 7), (False, 0, 0, 0), (True, 0, 0, 0)],
)  # fmt: skip
def test_the_options_in_the_number(
    sack: bool, ts: bool, wscale: bool, shift: int, back: int, ours: int
) -> None:
    """Timestamps are agreed on if the ACK has them; ECN is not."""
    half = record("freebsd", sack_ok=sack, ts_ok=ts, wscale_ok=wscale, snd_wind_shift=shift)
    made = comes_back(half, name="freebsd", ecn_ok=True)
    assert (made.sack_ok, made.ts_ok, made.wscale_ok, made.ecn_ok) == (sack, ts, back > 0, False)
    assert (made.snd_wind_shift, made.rcv_wind_shift) == (back, ours)
    assert (made.ts_recent, made.ts_recent_at, made.answered_at) == (77 if ts else 0, NOW, NOW)
    assert not half.ecn_ok
    assert half.sent == [(NOW // MS + half.ts_offset) & MASK], "the timestamp is the true one"


@pytest.mark.parametrize("off", ["sack", "window_scaling", "timestamps"])
def test_options_that_are_off_do_not_come_back(off: str) -> None:
    made = comes_back(record("freebsd"), name="freebsd", **{off: False})
    found = {"sack": made.sack_ok, "window_scaling": made.wscale_ok, "timestamps": made.ts_ok}
    assert found == {name: name != off for name in found}
    assert made.snd_wind_shift == (0 if off == "window_scaling" else 8)


@pytest.mark.attack("TCP-22")
def test_beside_a_good_number_there_is_none() -> None:
    half = record("freebsd", peer_mss=1_460)
    syncookies.answer(half, ISN, NOW)
    good = [
        add
        for add in range(-300, 300)
        if syncookies.restore(blank("freebsd"), ack_of(half, add=add), ISN, NOW)
    ]
    assert good == [0]
    most = record("freebsd", snd_wind_shift=14)  # all bits are set
    syncookies.answer(most, ISN, NOW)
    assert not syncookies.restore(blank("freebsd"), ack_of(most, add=0x1FFFF), ISN, NOW)
    assert syncookies.restore(blank("freebsd"), ack_of(most, add=-0x1FFFF), ISN, NOW)


@pytest.mark.parametrize("name", ["linux", "freebsd"])
def test_another_connection_or_another_number_of_the_peers_is_none(name: str) -> None:
    half = record(name)
    syncookies.answer(half, ISN, NOW)
    assert not syncookies.restore(blank(name, key=b"another one"), ack_of(half), ISN, NOW)
    assert not syncookies.restore(blank(name), ack_of(half), IsnGenerator(b"other"), NOW)
    seg = ack_of(half)
    seg.seq += 9
    assert not syncookies.restore(blank(name), seg, ISN, NOW)
