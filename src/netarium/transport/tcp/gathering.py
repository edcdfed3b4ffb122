"""How much is gathered and sent in one go, as Linux does for devices that cut segments themselves.

A chunk of several segments ends with PSH (for its sake who gathers segments into one: GRO), is decided on as a whole,
and takes half of the congestion window at the most. Where the device takes single segments the chunks remain.
"""

from typing import Final

from netarium.base.units import MS
from netarium.transport.tcp import pacing
from netarium.transport.tcp.tcb import DEFAULT_MSS4, LOSS, RECOVERY, Tcb

_GSO_MAX: Final = 65_215  # octets of the largest chunk: 64 KiB less room for headers
_PACING_SHIFT: Final = 10  # a chunk is what the pacing rate sends in 2**-10 s
_CHUNK_COST: Final = 768  # octets of bookkeeping
_SEGMENT_COST: Final = 640  # what Linux adds to a segment when it reckons how many fit
_LOW_WATER: Final = 2_048  # the BSDs' SO_SNDLOWAT: with so much room a write goes on
_STEP: Final = 8_192  # net.inet.tcp.sendbuf_inc
_NO_LIMIT: Final = 1 << 62


def goal(tcb: Tcb) -> int:
    """Octets that writes are gathered into at the most: half of the peer's largest window, in segments."""
    largest = tcb.max_snd_wnd
    most = min(_GSO_MAX, (largest >> 1 if largest > DEFAULT_MSS4 else largest) or _GSO_MAX)
    return max(most - most % tcb.smss, tcb.smss)


def used(tcb: Tcb) -> int:
    """Memory that what waits in the send buffer takes: its octets, and what each chunk of them costs beside."""
    octets = len(tcb.sendbuf)
    if not tcb.config.gathering:
        return octets
    return octets + _CHUNK_COST * -(-octets // goal(tcb))


def is_writable(tcb: Tcb) -> bool:
    """Writing is worth a call: a third of the buffer is free, as on Linux, not one octet for each ACK.

    If not, ACKs will tell who watches that there may be room again; else none of them need be told.
    """
    expand(tcb)
    taken = used(tcb)
    free = tcb.snd_memory - taken
    writable = 2 * free >= taken
    if tcb.config.send_buffer_form != "window":
        writable = free >= min(_LOW_WATER, tcb.snd_memory)
    if 2 * (tcb.sendbuf.end - tcb.snd_nxt) >= most_unsent(tcb):  # a write may take as much, and more
        writable = False
    tcb.room_awaited = not writable
    return writable


def most_unsent(tcb: Tcb) -> int:
    """TCP_NOTSENT_LOWAT: with so many octets not sent yet the application shall wait; a negative one is none."""
    lowat = tcb.options.notsent_lowat or tcb.config.notsent_lowat
    return lowat if lowat > 0 else _NO_LIMIT


def expand(tcb: Tcb) -> None:
    """Let the send buffer hold two congestion windows, or what SO_SNDBUF fixed (Linux's tcp_sndbuf_expand)."""
    if tcb.congestion.cwnd == tcb.snd_expanded and not tcb.options.sndbuf_locked:
        return  # nothing has changed
    if tcb.config.send_buffer_form != "window":
        _expand_by_steps(tcb)
        return
    if tcb.options.sndbuf_locked:
        tcb.snd_memory = tcb.options.sndbuf
        return
    tcb.snd_expanded = tcb.congestion.cwnd
    segment = (1 << (max(tcb.smss, tcb.advmss) + _SEGMENT_COST - 1).bit_length()) + 256
    segments = max(tcb.config.initial_window_segments, tcb.congestion.cwnd // tcb.smss)
    tcb.snd_memory = max(tcb.snd_memory, min(2 * segment * segments, tcb.config.send_buffer))


def _expand_by_steps(tcb: Tcb) -> None:
    """As the BSDs: whole segments, and a step more when the buffer is nearly full and its lack holds the window back."""
    config, options = tcb.config, tcb.options
    size = options.sndbuf if options.sndbuf_locked else max(tcb.snd_memory, config.send_buffer_start)
    if tcb.snd_una > tcb.iss and size == (
        options.sndbuf if options.sndbuf_locked else config.send_buffer_start
    ):
        segment = min(tcb.peer_mss, tcb.path_mss)
        size = -(-size // segment) * segment
    waiting = len(tcb.sendbuf)
    if (
        config.send_buffer_form == "steps"
        and not options.sndbuf_locked
        and tcb.snd_wnd // 4 * 5 >= size
        and size // 8 * 7 <= waiting < config.send_buffer
        and min(tcb.snd_wnd, tcb.congestion.cwnd) >= tcb.sendbuf.end - tcb.snd_nxt
    ):
        size = min(size + _STEP, config.send_buffer)
    tcb.snd_memory = size


def surely_takes(tcb: Tcb, size: int) -> bool:
    """What fits into a segment finds room in an empty buffer: no need to reckon how much."""
    return tcb.sendbuf.end == tcb.sendbuf.start and 0 < size <= tcb.smss <= tcb.snd_memory


def window(tcb: Tcb) -> int:
    """Octets that the peer and the path would take now."""
    return min(tcb.congestion.cwnd - tcb.scoreboard.pipe, tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt)


def room(tcb: Tcb) -> int:
    """Octets that a write may add now; 0: it must wait.

    As Linux asks only when it begins a new chunk, the last one may go beyond the limit; and while a long write goes on,
    what the windows allow leaves already. What is not sent yet may be limited, too (TCP_NOTSENT_LOWAT).
    """
    if not tcb.config.gathering:
        return tcb.snd_memory - len(tcb.sendbuf)
    whole, unsent = goal(tcb), tcb.sendbuf.end - tcb.snd_nxt
    lowat = most_unsent(tcb)
    sendable = max(0, window(tcb) - unsent)
    taken = used(tcb)
    if unsent:
        marks = tcb.boundaries
        tail = unsent if marks is None else marks.tail(tcb.sendbuf.end, tcb.snd_nxt)
        spare = max(0, whole - tail)
        if not spare and (taken >= tcb.snd_memory or unsent >= lowat):
            return 0
        spare += sendable
    elif taken >= tcb.snd_memory:
        return 0
    else:
        spare = whole + sendable
    memory = tcb.snd_memory - taken - spare - _CHUNK_COST * -(-spare // whole)
    chunks = min(-(-memory // (whole + _CHUNK_COST)), -(-(lowat + sendable - unsent - spare) // whole))
    return spare + max(chunks, 0) * whole


def chunk(tcb: Tcb) -> int:
    """Segments that go in one go: what the pacing rate sends in a millisecond, half of the window at the most."""
    return min(max(tcb.congestion.cwnd // tcb.smss >> 1, 1), worthwhile(tcb))


def worthwhile(tcb: Tcb) -> int:
    """What the pacing rate sends in a millisecond, in segments; more on a short path."""
    if not tcb.config.gathering or tcb.snd_up > tcb.snd_una:  # each segment has an urgent pointer of its own
        return 1
    control = tcb.congestion
    if not tcb.rtt.srtt:
        return max(_GSO_MAX // tcb.smss, 1)
    growing = tcb.recovery != LOSS and control.cwnd < control.ssthresh >> 1
    octets = pacing.by_window(tcb, growing=growing) >> _PACING_SHIFT
    if tcb.rtt.min_rtt:
        octets += 65_536 >> min(tcb.rtt.min_rtt // 1_000 >> tcb.config.chunk_rtt_log, 17)
    return max(min(octets, _GSO_MAX) // tcb.smss, tcb.config.chunk_segments)


def defers(tcb: Tcb, waiting: int, room: int, mss: int, now: int) -> bool:
    """Several segments wait, few may go: is it better to let them wait for the next ACK, and then send more at once?

    Not if it is a third of the window, not if that ACK is not to be expected now, and not unless data has left
    just before: who has been silent is not made to wait (Linux's tcp_tso_should_defer).

    Args:
        tcb: the connection.
        waiting: octets that wait.
        room: octets that both windows allow.
        mss: of a full segment.
        now: monotonic ns.
    """
    if (
        not tcb.config.gathering
        or (room > waiting and tcb.fin_queued)
        or tcb.recovery >= RECOVERY
        or now - tcb.last_sent_at > MS
        or not tcb.scoreboard
    ):
        return False
    window = min(tcb.snd_wnd, tcb.congestion.cwnd)
    srtt = tcb.rtt.srtt
    until_ack = tcb.scoreboard.oldest.xmit_at + srtt - now
    if until_ack > min(srtt >> 1, MS) or not srtt:
        return False
    return 3 * room < window and room < worthwhile(tcb) * mss
