"""The receive window: what is offered, how it grows, and that it never shrinks.

RFC 9293 §3.8.6 (SHLD-14, MUST-39), RFC 7323 §2; the rules in detail are Linux's: of the memory that a socket may use
for receiving, part is the octets' own and the rest what their buffers cost; the window grows towards that part while
segments are large enough to be worth it, and the memory grows with what the application takes in a round trip
(dynamic right-sizing). It gives numbers and takes numbers; who acknowledges when is in `acks`.
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import plain
from netarium.transport.tcp.tcb import Tcb

_SCALE: Final = 8  # bits: the share of memory that is the octets' own, in 256ths
_START_RATIO: Final = 128  # half, until full segments have told better
# What Linux's buffers cost: a packet lies in a power of two of octets with its headers and with room before and behind
# it; of what a driver has merged from several, that is so for the first page, and the rest lies in pages of its own.
_BOOKKEEPING: Final = 256
_BEFORE_AND_BEHIND: Final = 64 + 320
_HEADERS: Final = 40
_SMALL: Final = 576
_PAGE: Final = 4_096
_WORTH_GROWING: Final = 128  # octets: shorter segments do not make the window grow


def memory(config: TcpConfig, options: SocketOptions) -> int:
    """Octets that a new connection may use for receiving: SO_RCVBUF, or the configuration's."""
    return options.rcvbuf if options.rcvbuf_locked else config.receive_buffer


def first(config: TcpConfig, options: SocketOptions, mss: int) -> int:
    """The window of a SYN or SYN,ACK, where it is never scaled (RFC 7323 §2.2): whole segments, 65,535 at most."""
    space = memory(config, options)
    if config.window_form == "plain":
        return min(space, options.window_clamp or 0xFFFF, 0xFFFF)
    return min(_whole(space, options, mss), 0xFFFF)


def _whole(memory: int, options: SocketOptions, mss: int) -> int:
    """What a new connection may offer before anything is known of its segments, where a scale does not cut it short."""
    space = memory * _START_RATIO >> _SCALE
    if options.window_clamp:
        space = min(space, options.window_clamp)
    return space - space % mss if space > mss else space


def begin(tcb: Tcb, now: int) -> None:
    """The handshake is over, its options are known: the window may grow from the first one up to the clamp."""
    if tcb.config.window_form == "plain":
        plain.begin(tcb)
        return
    space = tcb.rcv_buf
    mss = tcb.advmss
    clamp = tcb.options.window_clamp or (0xFFFF << tcb.rcv_wind_shift)
    clamp = min(clamp, space)
    if clamp > 2 * mss and clamp + mss > space:
        clamp = max(2 * mss, space - mss)  # room for one segment beyond what is offered
    tcb.window_clamp = clamp
    offered = tcb.rcv_adv - tcb.rcv_nxt
    whole = min(_whole(tcb.rcv_memory, tcb.options, mss), 0xFFFF << tcb.rcv_wind_shift)
    if whole > 0xFFFF:  # the field of the SYN was too small for it, and the peer may count on it from now on
        offered += whole - 0xFFFF
        tcb.rcv_adv = tcb.rcv_nxt + offered
    tcb.rcv_ssthresh = min(offered, clamp)
    tcb.rcv_mss = max(88, min(mss, tcb.smss, offered // 2, 536))  # until segments tell
    tcb.drs_space = min(tcb.rcv_ssthresh, offered, 10 * mss)
    tcb.drs_at = now
    tcb.drs_copied = 0


def offer(tcb: Tcb) -> int:
    """The window for a segment that leaves now, in octets; the right edge is never pulled back (SHLD-14).

    It is only if a machine is told to, by `shrink_window`.
    """
    offered = tcb.rcv_adv - tcb.rcv_nxt
    shift = tcb.rcv_wind_shift
    if offered >= tcb.rcv_ssthresh and shift and not tcb.rcv_queued and tcb.config.window_form != "plain":
        window = (
            -(-offered >> shift) << shift
        )  # who only sends: the buffer is empty, and more is never offered
    else:
        window = select(tcb)
    if not tcb.config.window_by_segments:
        window = -(-max(window, offered) >> shift) << shift  # rounded up, or the edge would move back
    elif shift and tcb.config.shrink_window:
        pass
    elif (
        window <= offered
    ):  # rounded down as it is, what the field says would pull the edge back (RFC 7323 §2.4)
        window = -(-offered >> shift) << shift
    most = 0xFFFF << shift
    return window if window < most else most


def select(tcb: Tcb) -> int:
    """The window that the buffer allows: worthwhile steps only, or none (MUST-39, RFC 9293 §3.8.6.2.2)."""
    if tcb.config.window_form == "plain":
        return plain.select(tcb)
    mss, space = tcb.rcv_mss, tcb.rcv_buf
    free = space - tcb.rcv_queued - tcb.reassembly.octets
    full, shift = tcb.window_clamp, tcb.rcv_wind_shift
    if full > space:
        full = space
    if mss > full:
        mss = full
        if mss <= 0:
            return 0
    if free < full >> 1:
        tcb.quickacks = 0
        free = free >> shift << shift
        if free < space >> 4 or free < mss:
            return 0
    if free > tcb.rcv_ssthresh:
        free = tcb.rcv_ssthresh
    elif shift and tcb.config.shrink_window:
        return free >> shift << shift
    if shift:
        return -(-free >> shift) << shift
    window = tcb.rcv_adv - tcb.last_ack_sent
    if window <= free - mss or window > free:
        return free - free % mss
    if mss == full and free > window + (full >> 1):
        return free
    return window


def measure(tcb: Tcb, size: int) -> None:
    """A segment of another size than those before: what one is, and what share of the memory such ones can use."""
    tcb.rcv_mss = min(tcb.rcv_gso or size, tcb.advmss)
    ratio = max(1, (size << _SCALE) // _cost(tcb, size))
    if ratio != tcb.rcv_ratio:
        tcb.rcv_ratio = ratio
        resize(tcb, tcb.rcv_memory)


def _cost(tcb: Tcb, size: int) -> int:
    """Octets of memory that a packet with `size` octets of text takes, as Linux's does on a TUN."""
    room = size + _HEADERS + 12 * tcb.ts_ok + _BEFORE_AND_BEHIND
    if room > _PAGE:
        return -(-room // _PAGE) * _PAGE + _BOOKKEEPING
    return _BOOKKEEPING + (_SMALL if room <= _SMALL else 1 << (room - 1).bit_length())


def resize(tcb: Tcb, octets: int) -> None:
    """The memory for receiving is `octets` from now on; the clamp follows."""
    tcb.rcv_memory = octets
    tcb.rcv_buf = octets * tcb.rcv_ratio >> _SCALE
    clamp(tcb, tcb.rcv_buf)


def reserve(tcb: Tcb, octets: int) -> None:
    """The memory shall hold `octets` that nobody has read yet: it grows if it has to."""
    needed = (octets << _SCALE) // tcb.rcv_ratio
    if needed <= tcb.rcv_memory:
        return
    tcb.rcv_memory = needed
    tcb.rcv_buf = needed * tcb.rcv_ratio >> _SCALE
    if 0 < tcb.window_clamp < octets:
        clamp(tcb, octets)


def clamp(tcb: Tcb, octets: int) -> None:
    """Never offer more than `octets` (TCP_WINDOW_CLAMP, or the buffer itself)."""
    octets = max(octets, 1_152)
    if octets < tcb.window_clamp:
        tcb.rcv_ssthresh = min(tcb.rcv_ssthresh, octets)
    else:
        tcb.rcv_ssthresh = max(tcb.rcv_ssthresh, min(tcb.rcv_adv - tcb.last_ack_sent, octets))
    tcb.window_clamp = octets
    tcb.drs_space = min(tcb.drs_space, octets)


def grow(tcb: Tcb, size: int, *, waiting: bool = False) -> None:
    """A segment arrived: the window may grow by two of them, or by twice its size (a slow start of its own).

    Args:
        tcb: the connection.
        size: octets of the segment.
        waiting: it is behind a hole, and waits already; else it is in order, and not delivered yet.
    """
    free = tcb.rcv_buf - tcb.rcv_queued - tcb.reassembly.octets + (size if waiting else -size)
    room = min(tcb.window_clamp, free) - tcb.rcv_ssthresh
    if room > 0 and size >= _WORTH_GROWING:
        tcb.rcv_ssthresh += min(room, 2 * max(tcb.advmss, size))
        tcb.quickacks |= 1


def measure_rtt(tcb: Tcb, now: int) -> None:
    """A window that was offered is filled: that took a round trip at the least."""
    if tcb.rcv_rtt_at:
        if tcb.rcv_nxt < tcb.rcv_rtt_seq:
            return
        sample = max(now - tcb.rcv_rtt_at, 1_000)
        if not tcb.rcv_rtt or sample < tcb.rcv_rtt:
            tcb.rcv_rtt = sample
    tcb.rcv_rtt_seq = tcb.rcv_adv
    tcb.rcv_rtt_at = now


def sample_rtt(tcb: Tcb, ts_ecr: int, ticks: int) -> None:
    """With timestamps: a segment of text echoes what we sent a round trip ago.

    Args:
        tcb: the connection.
        ts_ecr: what it echoes; one sample for each value.
        ticks: how long ago that was, ms.
    """
    tcb.rcv_rtt_ecr = ts_ecr
    if ticks >= 0x8000_0000:
        return
    sample = max(ticks, 1) * MS
    if not tcb.rcv_rtt or sample < tcb.rcv_rtt:
        tcb.rcv_rtt = sample
    elif not tcb.rcv_queued:  # else it is the application that is slow, perhaps
        tcb.rcv_rtt += (sample - tcb.rcv_rtt) // 8


def tune(tcb: Tcb, copied: int, now: int) -> None:
    """Dynamic right-sizing: the application took octets; let there be room for twice what it takes in a round trip.

    More, if it takes more than the round trip before, as Linux has it: a sender in slow start is not to be held up.
    Unless SO_RCVBUF fixed the memory; up to the configured maximum.
    """
    tcb.drs_copied += copied
    if not tcb.rcv_rtt or now - tcb.drs_at < tcb.rcv_rtt:
        return
    taken = tcb.drs_copied - tcb.rcv_queued  # what waits still was not taken as fast as it came
    if taken > tcb.drs_space:
        before, tcb.drs_space = max(tcb.drs_space, 1), taken
        if not tcb.options.rcvbuf_locked:
            wanted = 2 * taken  # this is known a round trip late,
            wanted += 2 * (wanted * (taken - before) // before)  # and a sender in slow start doubles its rate
            wanted += max(0, tcb.reassembly.end - tcb.rcv_nxt)
            octets = min((wanted << _SCALE) // tcb.rcv_ratio, tcb.config.receive_buffer_max)
            if octets > tcb.rcv_memory:
                resize(tcb, octets)
    tcb.drs_at = now
    tcb.drs_copied = 0
