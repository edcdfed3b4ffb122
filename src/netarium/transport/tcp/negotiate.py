"""What two ends agree on by the options of their SYNs: MSS, window scale, timestamps, SACK.

RFC 9293 §3.7.1 (MSS), RFC 7323 §2.2, §3.2, RFC 2018 §2. An option counts only if both sent it.

Duties: SHLD-6 of RFC 9293.
"""

from typing import Final, Protocol

from netarium.base.config import TcpConfig
from netarium.base.seq import MASK
from netarium.base.units import MS
from netarium.ip.path import Path
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import aceoption, cwnd, usertimeout
from netarium.transport.tcp.state import SYN_SENT
from netarium.transport.tcp.tcb import DEFAULT_MSS4, DEFAULT_MSS6, Tcb
from netarium.wire.tcp import ACK, TcpSegment
from netarium.wire.tcp_options import (
    MAX_LENGTH,
    FastOpenOption,
    pack_fast_open,
    pack_options,
    pack_options_by_kind,
)

_LEAST_OFFERED: Final = 256  # as Linux's net.ipv4.route.min_adv_mss
_LEAST_MSS: Final = 48
_PLAIN_SYN: Final = 3  # `third_syn_is_plain`
MAX_SHIFT: Final = 14  # RFC 7323 §2.3
TIMESTAMP_OPTION_LENGTH: Final = 12
MAX_MSS: Final = 65_495  # a packet of 65,535 octets less both headers


class Negotiation(Protocol):
    """What is agreed on, wherever it is kept: a control block, or the small record of a half-open connection."""

    version: int
    config: TcpConfig
    options: SocketOptions
    our_mss: int
    peer_mss: int
    wscale_ok: bool
    snd_wind_shift: int
    rcv_wind_shift: int
    ts_ok: bool
    ts_offset: int
    ts_recent: int
    ts_recent_at: int
    sack_ok: bool


def our_window_shift(config: TcpConfig, options: SocketOptions) -> int:
    """The smallest shift with which the largest buffer that we may come to have can be advertised."""
    if not config.window_scaling:
        return 0
    by_option = options.rcvbuf_locked and config.window_scale_from_rcvbuf
    asked = options.rcvbuf // 2 if config.doubled_buffers else options.rcvbuf
    buffer = asked if by_option else max(config.receive_buffer_max, config.rmem_max)
    if options.window_clamp:
        buffer = min(buffer, options.window_clamp)
    shift = 0
    while shift < MAX_SHIFT and buffer >> shift > 0xFFFF:
        shift += 1
    return shift


def timestamp(tcb: Negotiation, now: int) -> int:
    """Our TSval: a clock of 1 ms with an offset of the connection's own (RFC 7323 §5.4, §7.1)."""
    return (now // MS + tcb.ts_offset) & MASK


def offered_mss(path: Path, config: TcpConfig) -> int:
    """The largest segment that the link takes, or, as that says what a peer should send, the path to it."""
    if config.route_mss:
        return config.route_mss
    overhead = 40 if path.version == 4 else 60
    mtu = path.interface.mtu
    if config.mss_of_path:
        mtu = min(mtu, max(path.mtu, _LEAST_OFFERED + overhead))
    return min(mtu - overhead, MAX_MSS)


def announced_mss(tcb: Negotiation) -> int:
    """What the link takes (MUST-67), or less if the application said so (TCP_MAXSEG)."""
    return min(tcb.options.maxseg or tcb.our_mss, tcb.our_mss)


def syn_options(tcb: Tcb, now: int) -> bytes:
    """The options of our SYN: everything we can do; of the SYN,ACK in a simultaneous open, too, as Linux has it."""
    config = tcb.config
    if config.third_syn_is_plain and tcb.rexmit_count >= _PLAIN_SYN:
        return pack_options(mss=announced_mss(tcb))
    counted = tcb.state is not SYN_SENT and tcb.accurate is not None and tcb.rexmit_count <= 1
    first = tcb.state is SYN_SENT and not tcb.rexmit_count and not tcb.total_retrans
    packed = _pack(
        tcb,
        our_window_shift(config, tcb.options) if config.window_scaling else None,
        (timestamp(tcb, now), tcb.ts_recent) if config.timestamps else None,
        tcb.fast_open_option if first else None,
        sack_permitted=config.sack,
        counted=counted,
    )
    return usertimeout.add_to_syn(packed, config, tcb.options, tcb.rexmit_count)


def syn_ack_options(
    tcb: Negotiation,
    ts_val: int,
    fast_open: FastOpenOption | None = None,
    *,
    timeouts: int = 0,
    counted: bool = False,
) -> bytes:
    """The options of our SYN,ACK: only what the peer's SYN had (RFC 7323 §2.2), perhaps a cookie; if `counted`, RFC 9768's."""
    packed = _pack(
        tcb,
        tcb.rcv_wind_shift if tcb.wscale_ok else None,
        (ts_val, tcb.ts_recent) if tcb.ts_ok else None,
        fast_open,
        sack_permitted=tcb.sack_ok,
        counted=counted,
    )
    return usertimeout.add_to_syn(packed, tcb.config, tcb.options, timeouts)


def our_syn_options(tcb: Tcb, now: int) -> bytes:
    """The options of a SYN or SYN,ACK of a connection."""
    if not tcb.passive and (tcb.state is SYN_SENT or tcb.config.syn_ack_repeats_syn):
        return syn_options(tcb, now)
    fast_open = None if tcb.rexmit_count else tcb.fast_open_option
    counted = tcb.accurate is not None and not tcb.rexmit_count
    return syn_ack_options(tcb, timestamp(tcb, now), fast_open, timeouts=tcb.rexmit_count, counted=counted)


def _pack(
    tcb: Negotiation,
    wscale: int | None,
    ts: tuple[int, int] | None,
    fast_open: FastOpenOption | None,
    *,
    sack_permitted: bool,
    counted: bool = False,
) -> bytes:
    """The options of a SYN in the order of the configuration; Fast Open comes last, if it fits."""
    if tcb.options.no_tcp_options:
        return b""
    mss = announced_mss(tcb)
    if tcb.config.option_order == "freebsd":
        last = b"" if fast_open is None else pack_fast_open(fast_open, padded=False)
        return pack_options_by_kind(mss=mss, wscale=wscale, sack_permitted=sack_permitted, ts=ts, last=last)
    more = b"" if fast_open is None else pack_fast_open(fast_open)
    if counted and tcb.config.ecn_option:
        packed = aceoption.pack_syn_ack(mss, wscale, ts, len(more), sack_permitted=sack_permitted)
    else:
        packed = pack_options(mss=mss, wscale=wscale, sack_permitted=sack_permitted, ts=ts)
    return packed + more if len(packed) + len(more) <= MAX_LENGTH else packed


def accept_options(tcb: Negotiation, syn: TcpSegment, now: int) -> None:
    """Take over what the peer's SYN offers and we want too."""
    config = tcb.config
    default = config.default_mss if tcb.version == 4 else DEFAULT_MSS6  # MUST-15
    ours = tcb.options.maxseg
    if syn.mss:
        tcb.peer_mss = max(min(syn.mss, ours or syn.mss), config.min_mss)
    else:
        tcb.peer_mss = ours if ours and syn.flags & ACK else default
    willing = not tcb.options.no_tcp_options
    tcb.wscale_ok = willing and config.window_scaling and syn.wscale is not None
    if tcb.wscale_ok:
        tcb.snd_wind_shift = min(syn.wscale or 0, MAX_SHIFT)
    else:
        tcb.snd_wind_shift = tcb.rcv_wind_shift = 0
    tcb.ts_ok = willing and config.timestamps and syn.ts_val is not None
    if tcb.ts_ok:
        tcb.ts_recent = syn.ts_val or 0
        tcb.ts_recent_at = now
    tcb.sack_ok = willing and config.sack and syn.sack_permitted


def start_congestion_control(tcb: Tcb) -> None:
    """The segment size is known: give the congestion control its initial window (RFC 5681 §3.1, RFC 6928).

    SYNs that had to be resent mean one segment only (RFC 5681 §3.1, RFC 6928 §2).
    """
    set_segment_size(tcb)
    if tcb.config.receive_buffer_in_segments and not tcb.options.window_clamp:
        segment = min(tcb.peer_mss, tcb.path_mss)
        tcb.rcv_buf = -(-tcb.rcv_buf // segment) * segment
    window = tcb.smss if tcb.syn_losses > tcb.config.initial_window_syn_losses else tcb.initial_window
    cwnd.start_control(tcb, window)


def set_segment_size(tcb: Tcb) -> None:
    """SMSS from the peer's MSS, the path and the options that every segment carries (MUST-16)."""
    size = allowed_size(tcb)
    tcb.smss = size if tcb.plpmtud is None else tcb.plpmtud.limit(size)
    tcb.gso_size = tcb.gso_limit // tcb.smss * tcb.smss
    tcb.scoreboard.smss = tcb.smss
    tcb.congestion.set_mss(tcb.smss)


def allowed_size(tcb: Tcb) -> int:
    """The largest segment that the peer, the path as ICMP tells it, and the peer's buffer allow."""
    mss = min(tcb.peer_mss, tcb.path_mss)
    mss -= TIMESTAMP_OPTION_LENGTH if tcb.ts_ok else 0
    largest = tcb.max_snd_wnd
    if (
        largest < 2 * mss and largest and tcb.config.gathering
    ):  # as Linux: two segments at the least shall fit into the peer's window
        mss = min(mss, max(largest >> 1 if largest > DEFAULT_MSS4 else largest, _LEAST_MSS))
    return max(mss, 8)


def shown_mss(tcb: Tcb) -> int:
    """What TCP_MAXSEG tells of a connection, or of one that begins: timestamps are taken for granted then."""
    if tcb.state is SYN_SENT and not tcb.ts_ok and tcb.config.timestamps:
        return tcb.smss - TIMESTAMP_OPTION_LENGTH
    return tcb.smss
