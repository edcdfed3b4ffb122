"""From a decision to octets: the TCP header of one segment, its window, acknowledgment and options.

Duties: MUST-30, MUST-31 of RFC 9293 (the urgent pointer).
"""

from netarium.base.addr import format_ip
from netarium.base.seq import MASK
from netarium.base.trace import Segment
from netarium.transport.tcp import aceoption, acks, ecn, negotiate, pieces, usertimeout
from netarium.transport.tcp import window as window_
from netarium.transport.tcp.outgoing import Outgoing
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, SYN, URG, TcpSegment, flag_names, pack_header, pack_header_with_timestamps
from netarium.wire.tcp_options import MAX_LENGTH, pack_options, parse_accurate_ecn, parse_user_timeout


def header(tcb: Tcb, out: Outgoing, local_port: int, remote_port: int, pseudo: int, now: int) -> bytes:
    """The header of a segment that leaves now; it acknowledges all that has come, and no ACK is owed any more.

    Args:
        tcb: the connection.
        out: what is to be sent.
        local_port: ours.
        remote_port: the peer's.
        pseudo: folded sum of addresses and protocol, without the length.
        now: monotonic ns.
    """
    flags, size = out.flags, len(out.payload)
    options: bytes | None = None
    accurate = None
    if flags & SYN:
        options = negotiate.our_syn_options(tcb, now)
        window = window_.first(tcb.config, tcb.options, negotiate.announced_mss(tcb))
        tcb.rcv_adv = max(tcb.rcv_adv, tcb.rcv_nxt + window)
        flags |= ecn.syn_ack_flags(tcb) if flags & ACK else ecn.syn_flags(tcb)
    else:
        if tcb.ecn_ok:
            flags |= ecn.flags_for(tcb, out)
            accurate = tcb.accurate
        fin = tcb.rcv_fin
        if (
            not tcb.ts_ok
            or tcb.reassembly.octets
            or tcb.dsack is not None
            or (fin is not None and fin > tcb.rcv_nxt)
            or tcb.uto_due
            or accurate is not None
        ):
            options = _options(tcb, size, now) if accurate is None else counted_options(tcb, size, now)
        offered = window_.offer(tcb)
        tcb.rcv_adv = tcb.rcv_nxt + offered
        window = offered >> tcb.rcv_wind_shift
    urgent = 0
    if tcb.snd_up > tcb.snd_una and 0 < tcb.snd_up - out.seq <= 0xFFFF:
        flags |= URG
        urgent = tcb.snd_up - out.seq
    ack = 0
    if flags & ACK:
        ack = tcb.rcv_nxt & MASK
        acks.sent(tcb, size, now)
    tcb.segs_out += 1
    if window > 0xFFFF:
        window = 0xFFFF
    length = 32 if options is None else 20 + len(options)
    checksum = (pseudo + length + size) % 0xFFFF or 0xFFFF
    if options is None:  # timestamps, as on every segment (RFC 7323 §3.2), and nothing else: nearly always
        ts_val = (now // 1_000_000 + tcb.ts_offset) & MASK
        return pack_header_with_timestamps(
            local_port,
            remote_port,
            out.seq & MASK,
            ack,
            flags,
            window,
            urgent,
            checksum,
            ts_val,
            tcb.ts_recent,
        )
    return pack_header(local_port, remote_port, out.seq & MASK, ack, flags, window, urgent, options, checksum)


def _options(tcb: Tcb, octets: int, now: int) -> bytes:
    """Timestamps on every segment (RFC 7323 §3.2), SACK blocks, and once in a while a user timeout (RFC 5482)."""
    ts = (negotiate.timestamp(tcb, now), tcb.ts_recent) if tcb.ts_ok else None
    options = pack_options(ts=ts, sack=_sack_blocks(tcb, octets) if tcb.sack_ok else ())
    return usertimeout.add(tcb, options, octets) if tcb.uto_due else options


def counted_options(tcb: Tcb, octets: int, now: int) -> bytes:
    """All of that, with the counters of Accurate ECN (RFC 9768 §3.2.3)."""
    ts = (negotiate.timestamp(tcb, now), tcb.ts_recent) if tcb.ts_ok else None
    options = pack_options(ts=ts)
    record = tcb.accurate
    assert record is not None
    record.clock = now
    room = max(min(MAX_LENGTH - len(options), tcb.smss - octets), 0)
    told = pieces.sacked(tcb, pieces.most_blocks(tcb))
    fields, blocks = aceoption.plan(tcb, len(told), room, due=aceoption.is_due(tcb, record))
    told = told[:blocks]
    sack = [(left & MASK, right & MASK) for left, right in told]
    dsack = None if tcb.dsack is None or not told else tcb.dsack[0]
    if told:
        tcb.dsack = None
    if fields is None:
        options += pack_options(sack=sack)
    else:
        options += aceoption.pack(tcb, fields, sack, dsack, now)
    return usertimeout.add(tcb, options, octets) if tcb.uto_due else options


def _sack_blocks(tcb: Tcb, octets: int) -> list[tuple[int, int]]:
    """What came out of order (RFC 2018 §4), as on the wire.

    As many blocks as fit, for a bare ACK as well: there are paths that take only 68 octets. Full segments have room for
    them (`pieces.mss_now`).
    """
    room = (tcb.smss - min(octets, pieces.mss_now(tcb)) - pieces.SACK_HEADER) // pieces.SACK_BLOCK
    blocks = pieces.sacked(tcb, min(pieces.most_blocks(tcb), room))
    if blocks:
        tcb.dsack = None  # told, once
    return [(left & MASK, right & MASK) for left, right in blocks]


def trace_sent(
    tcb: Tcb, packed: bytes, out: Outgoing, local: tuple[bytes, int], remote: tuple[bytes, int], now: int
) -> None:
    """Tell the glass about a segment that is on its way down."""
    segment = TcpSegment.parse(packed)
    trace(tcb, segment, "sent", len(out.payload), out.note, local, remote, now)


def trace(
    tcb: Tcb,
    segment: TcpSegment,
    direction: str,
    length: int,
    note: str,
    local: tuple[bytes, int],
    remote: tuple[bytes, int],
    now: int,
) -> None:
    """A segment at the door of TCP, its numbers as on the wire; it causes what follows."""
    if tcb.trace is not None:
        tcb.trace.cause = tcb.trace.emit(
            Segment(
                at=now, where=tcb.where, socket=tcb.socket_id, direction=direction,
                local=address_text(local), remote=address_text(remote),
                flags=flag_names(segment.flags), seq=segment.seq, ack=segment.ack, window=segment.window,
                length=length, options=describe_options(segment), note=note,
            )
        )  # fmt: skip


def address_text(address: tuple[bytes, int]) -> str:
    """Address and port for people."""
    text = format_ip(address[0])
    return f"[{text}]:{address[1]}" if ":" in text else f"{text}:{address[1]}"


def describe_options(segment: TcpSegment) -> str:
    """The options as a person reads them: "mss 1460, sack ok, ts 5/0, wscale 7"."""
    words = []
    if segment.mss is not None:
        words.append(f"mss {segment.mss}")
    if segment.sack_permitted:
        words.append("sack ok")
    if segment.ts_val is not None:
        words.append(f"ts {segment.ts_val}/{segment.ts_ecr}")
    if segment.wscale is not None:
        words.append(f"wscale {segment.wscale}")
    if (seconds := parse_user_timeout(segment.options)) is not None:
        words.append(f"user timeout {seconds} s")
    if (counted := parse_accurate_ecn(segment.options)) is not None:
        names = ("e1b", "ceb", "e0b") if counted.ect1_first else ("e0b", "ceb", "e1b")
        pairs = zip(names, counted.counters, strict=False)
        words.append(" ".join(["accurate ecn", *(f"{name} {value}" for name, value in pairs)]))
    words.extend(f"sack {left}-{right}" for left, right in segment.sack)
    return ", ".join(words)
