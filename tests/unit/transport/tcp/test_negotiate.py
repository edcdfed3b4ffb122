"""What the options of two SYNs come to: sizes, shifts, and what is left out."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import negotiate
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, SYN, TcpSegment
from netarium.wire.tcp_options import FastOpenOption, parse_fast_open

CONFIG = TcpConfig()


def block(version: int = 4, config: TcpConfig = CONFIG, **options: object) -> Tcb:
    """A connection whose link takes 1,460 octets."""
    tcb = Tcb(version, config, SocketOptions(**options), 1, "us", None)
    tcb.our_mss = tcb.path_mss = 1_460
    return tcb


def offered(
    mss: int | None = None,
    wscale: int | None = None,
    ts: int | None = None,
    *,
    sack: bool = False,
    flags: int = SYN,
) -> TcpSegment:
    return TcpSegment(
        1, 2, 300, 0, flags, 65_535, mss=mss, wscale=wscale, sack_permitted=sack, ts_val=ts,
        ts_ecr=None if ts is None else 0,
    )  # fmt: skip


def read(options: bytes) -> tuple[int | None, int | None, int | None, int | None, bool]:
    """MSS, window scale, TSval, TSecr, SACK permitted."""
    from netarium.wire.tcp import pack_header

    seg = TcpSegment.parse(pack_header(1, 2, 3, 0, SYN, 0, 0, options, 0))
    return seg.mss, seg.wscale, seg.ts_val, seg.ts_ecr if seg.ts_val is not None else None, seg.sack_permitted


@pytest.mark.parametrize(
    ("buffer", "clamp", "shift"),
    [
        (0xFFFF, 0, 0), (0x1_0000, 0, 1), (0x1_FFFF, 0, 1), (0x2_0000, 0, 2), (33_554_432, 0, 10), (1 << 40, 0, 14),
        (33_554_432, 0xFFFF, 0), (33_554_432, 0x1_0000, 1), (0x1_0000, 1 << 30, 1),
    ],
)  # fmt: skip
def test_the_smallest_shift_that_shows_the_largest_buffer(buffer: int, clamp: int, shift: int) -> None:
    config = replace(CONFIG, receive_buffer_max=buffer)
    assert negotiate.our_window_shift(config, SocketOptions(window_clamp=clamp)) == shift
    assert negotiate.our_window_shift(replace(config, window_scaling=False), SocketOptions()) == 0


@pytest.mark.parametrize(
    ("locked", "from_option", "doubled", "shift"),
    [(True, True, True, 2), (True, True, False, 3), (False, True, True, 5), (True, False, True, 5)],
)
def test_the_shift_may_follow_the_sockets_own_buffer(
    locked: bool, from_option: bool, doubled: bool, shift: int
) -> None:
    config = replace(
        CONFIG, receive_buffer_max=1 << 20, window_scale_from_rcvbuf=from_option, doubled_buffers=doubled
    )
    options = SocketOptions(rcvbuf=1 << 18, rcvbuf_locked=locked)
    assert negotiate.our_window_shift(config, options) == shift


@pytest.mark.parametrize(("maxseg", "told"), [(0, 1_460), (1_000, 1_000), (1_460, 1_460), (9_000, 1_460)])
def test_the_size_that_we_tell(maxseg: int, told: int) -> None:
    assert negotiate.announced_mss(block(maxseg=maxseg)) == told


@pytest.mark.rfc("9293", "MUST-15")
@pytest.mark.parametrize(
    ("version", "mss", "maxseg", "flags", "size"),
    [
        (4, 1_200, 0, SYN, 1_200),
        (4, None, 0, SYN, 536),
        (6, None, 0, SYN, 1_220),
        (4, None, 900, SYN, 536),
        (4, None, 900, SYN | ACK, 900),
        (4, None, 0, SYN | ACK, 536),
        (4, 1_200, 900, SYN, 900),
        (4, 700, 900, SYN, 700),
        (4, 1, 0, SYN, CONFIG.min_mss),
    ],
)
def test_the_size_that_the_peer_tells(
    version: int, mss: int | None, maxseg: int, flags: int, size: int
) -> None:
    tcb = block(version, maxseg=maxseg)
    negotiate.accept_options(tcb, offered(mss, flags=flags), 0)
    assert tcb.peer_mss == size


@pytest.mark.rfc("7323-01")
@pytest.mark.rfc("7323-02")
@pytest.mark.parametrize(("told", "shift"), [(0, 0), (7, 7), (14, 14), (15, 14), (255, 14)])
def test_the_shift_that_the_peer_tells(told: int, shift: int) -> None:
    tcb = block()
    tcb.rcv_wind_shift = 9
    negotiate.accept_options(tcb, offered(wscale=told), 0)
    assert (tcb.wscale_ok, tcb.snd_wind_shift, tcb.rcv_wind_shift) == (True, shift, 9)
    negotiate.accept_options(tcb, offered(), 0)
    assert (tcb.wscale_ok, tcb.snd_wind_shift, tcb.rcv_wind_shift) == (False, 0, 0)


def test_an_option_counts_only_if_both_want_it() -> None:
    syn = offered(1_200, 3, 77, sack=True)
    for willing, config, options in (
        ((True, True, True), CONFIG, {}),
        ((False, False, False), CONFIG, {"no_tcp_options": True}),
        ((False, True, True), replace(CONFIG, window_scaling=False), {}),
        ((True, False, True), replace(CONFIG, timestamps=False), {}),
        ((True, True, False), replace(CONFIG, sack=False), {}),
    ):
        tcb = block(config=config, **options)
        negotiate.accept_options(tcb, syn, 5 * SECOND)
        assert (tcb.wscale_ok, tcb.ts_ok, tcb.sack_ok) == willing
        assert (tcb.ts_recent, tcb.ts_recent_at) == ((77, 5 * SECOND) if willing[1] else (0, 0))
    tcb = block()
    negotiate.accept_options(tcb, offered(1_200), 0)
    assert (tcb.wscale_ok, tcb.ts_ok, tcb.sack_ok) == (False, False, False)


def test_our_syn_says_all_that_we_can() -> None:
    tcb = block()
    tcb.state, tcb.ts_offset, tcb.ts_recent = State.SYN_SENT, 40, 9
    assert read(negotiate.our_syn_options(tcb, 3_000 * MS)) == (1_460, 7, 3_040, 9, True)
    tcb.fast_open_option = FastOpenOption(b"abcdefgh")
    assert parse_fast_open(negotiate.our_syn_options(tcb, 0)) == FastOpenOption(b"abcdefgh")
    tcb.rexmit_count = 1
    assert parse_fast_open(negotiate.our_syn_options(tcb, 0)) is None
    bare = block(config=replace(CONFIG, window_scaling=False, timestamps=False, sack=False))
    bare.state = State.SYN_SENT
    assert read(negotiate.our_syn_options(bare, 0)) == (1_460, None, None, None, False)
    silent = block(no_tcp_options=True)
    silent.state = State.SYN_SENT
    assert negotiate.our_syn_options(silent, 0) == b""


def test_the_third_repetition_may_be_plain() -> None:
    """FreeBSD: perhaps it is the options that somebody on the way does not like."""
    for plain, count, told in ((True, 2, 7), (True, 3, None), (True, 4, None), (False, 9, 7)):
        tcb = block(config=replace(CONFIG, third_syn_is_plain=plain))
        tcb.state, tcb.rexmit_count = State.SYN_SENT, count
        assert read(negotiate.our_syn_options(tcb, 0))[1] == told


def test_our_syn_ack_says_what_both_can() -> None:
    tcb = block()
    tcb.passive, tcb.state, tcb.rcv_wind_shift = True, State.SYN_RECEIVED, 6
    assert read(negotiate.our_syn_options(tcb, 0)) == (1_460, None, None, None, False)
    negotiate.accept_options(tcb, offered(1_200, 3, 77, sack=True), 0)
    assert read(negotiate.our_syn_options(tcb, 8 * MS)) == (1_460, 6, 8, 77, True)
    tcb.fast_open_option = FastOpenOption(b"abcdefgh")
    assert parse_fast_open(negotiate.our_syn_options(tcb, 0)) == FastOpenOption(b"abcdefgh")
    tcb.rexmit_count = 1
    assert parse_fast_open(negotiate.our_syn_options(tcb, 0)) is None


def test_a_long_cookie_is_left_out_if_it_does_not_fit() -> None:
    """40 octets at the most: MSS, SACK, timestamps and scale take 20 of them."""
    for size, fits in ((8, True), (16, True)):
        tcb = block()
        tcb.state = State.SYN_SENT
        tcb.fast_open_option = FastOpenOption(bytes(size), experimental=False)
        assert (parse_fast_open(negotiate.our_syn_options(tcb, 0)) is not None) is fits
        tcb.fast_open_option = FastOpenOption(bytes(16), experimental=True)
        options = negotiate.our_syn_options(tcb, 0)
        assert len(options) <= 40
        assert (parse_fast_open(options) is not None) is (len(options) == 40)


@pytest.mark.rfc("9293", "MUST-16")
@pytest.mark.parametrize(
    ("peer", "path", "ts", "window", "size"),
    [
        (1_200, 1_460, False, 0, 1_200),
        (1_460, 900, False, 0, 900),
        (1_460, 1_460, True, 0, 1_448),
        (1_000, 1_460, False, 2_000, 1_000),
        (1_000, 1_460, False, 1_999, 999),  # two segments shall fit
        (1_000, 1_460, False, 600, 300),
        (1_000, 1_460, False, 536, 536),
        (1_000, 1_460, False, 100, 100),
        (1_000, 1_460, False, 30, 48),
        (9, 1_460, False, 0, 9),
        (8, 1_460, False, 0, 8),
        (5, 1_460, False, 0, 8),
    ],
)
def test_the_largest_segment(peer: int, path: int, ts: bool, window: int, size: int) -> None:
    tcb = block()
    tcb.peer_mss, tcb.path_mss, tcb.ts_ok, tcb.max_snd_wnd = peer, path, ts, window
    assert negotiate.allowed_size(tcb) == size
    tcb.config = replace(CONFIG, gathering=False)
    assert negotiate.allowed_size(tcb) == max(min(peer, path) - 12 * ts, 8)


def test_super_segments_are_whole_numbers_of_segments() -> None:
    tcb = block()
    tcb.peer_mss, tcb.gso_limit = 1_000, 65_000
    negotiate.set_segment_size(tcb)
    assert (tcb.smss, tcb.gso_size) == (1_000, 65_000)
    tcb.gso_limit = 64_999
    negotiate.set_segment_size(tcb)
    assert tcb.gso_size == 64_000
    tcb.gso_limit = 999
    negotiate.set_segment_size(tcb)
    assert tcb.gso_size == 0


@pytest.mark.rfc("5681-02")
@pytest.mark.parametrize(("losses", "allowed", "segments"), [(0, 0, 10), (1, 0, 1), (1, 1, 10), (2, 1, 1)])
def test_a_syn_that_was_lost_leaves_one_segment(losses: int, allowed: int, segments: int) -> None:
    tcb = block(config=replace(CONFIG, initial_window_syn_losses=allowed))
    tcb.peer_mss, tcb.syn_losses = 1_000, losses
    negotiate.start_congestion_control(tcb)
    assert tcb.congestion.cwnd == segments * 1_000


def test_a_buffer_in_whole_segments() -> None:
    for in_segments, clamp, buffer in ((True, 0, 66_000), (True, 5_000, 65_536), (False, 0, 65_536)):
        tcb = block(config=replace(CONFIG, receive_buffer_in_segments=in_segments), window_clamp=clamp)
        tcb.peer_mss, tcb.rcv_buf = 1_000, 65_536
        negotiate.start_congestion_control(tcb)
        assert tcb.rcv_buf == buffer


def test_what_tcp_maxseg_tells() -> None:
    tcb = block()
    tcb.smss, tcb.state = 1_000, State.SYN_SENT
    assert negotiate.shown_mss(tcb) == 988
    tcb.ts_ok = True
    assert negotiate.shown_mss(tcb) == 1_000
    tcb.ts_ok, tcb.state = False, State.ESTABLISHED
    assert negotiate.shown_mss(tcb) == 1_000
    tcb.state, tcb.config = State.SYN_SENT, replace(CONFIG, timestamps=False)
    assert negotiate.shown_mss(tcb) == 1_000
