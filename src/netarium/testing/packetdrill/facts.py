"""What code blocks may ask about the connection under test: TCP_INFO, TCP_CC_INFO, SO_MEMINFO, by their names."""

from typing import Final

from netarium.base.seq import MASK
from netarium.base.units import US
from netarium.transport.tcp.connection import Connection

_IN_OCTETS: Final = (
    "tcpi_snd_cwnd",
    "tcpi_snd_ssthresh",
)  # FreeBSD counts octets where Linux counts segments

_FREEBSD_STATES: Final = {
    7: 0,
    10: 1,
    2: 2,
    3: 3,
    1: 4,
    8: 5,
    4: 6,
    11: 7,
    9: 8,
    5: 9,
    6: 10,
}  # Linux's to FreeBSD's


def facts_of(connection: Connection, profile: str, now: int) -> dict[str, int]:
    """All names that are known, with their values."""
    info = connection.info(now)
    facts = {name: int(getattr(info, name)) for name in info.__slots__}
    if profile == "freebsd":
        facts.update(_as_freebsd(connection, facts))
    return facts | _memory(connection)


def _as_freebsd(connection: Connection, facts: dict[str, int]) -> dict[str, int]:
    """What FreeBSD's `struct tcp_info` says otherwise, and what it has more."""
    tcb = connection.tcb
    segment = min(tcb.peer_mss, tcb.path_mss)  # t_maxseg: options are part of it
    endless = facts["tcpi_snd_ssthresh"] >= 2**31 - 1
    octets = {name: facts[name] * max(tcb.smss, 1) for name in _IN_OCTETS}
    return octets | {
        "tcpi_state": _FREEBSD_STATES[facts["tcpi_state"]],
        "tcpi_snd_ssthresh": 0xFFFF << 14 if endless else octets["tcpi_snd_ssthresh"],
        "tcpi_snd_mss": segment,
        "tcpi_rcv_mss": segment,
        "tcpi_rcv_space": max(tcb.rcv_buf - tcb.rcv_queued, tcb.rcv_adv - tcb.rcv_nxt, 0),
        "tcpi_snd_bwnd": 0,
        "tcpi_snd_rexmitpack": facts["tcpi_total_retrans"],
        "tcpi_rcv_numsacks": len(tcb.reassembly),
        "tcpi_toe_tid": 0xFFFF_FFFF,
        "tcpi_snd_una": tcb.snd_una & MASK,
        "tcpi_snd_nxt": tcb.snd_nxt & MASK,
        "tcpi_snd_max": tcb.snd_nxt & MASK,
        "tcpi_rcv_nxt": tcb.rcv_nxt & MASK,
        "tcpi_rcv_adv": tcb.rcv_adv & MASK,
        "tcpi_rttmin": tcb.config.min_rto_ns // US,
    }


def _memory(connection: Connection) -> dict[str, int]:
    """SO_MEMINFO: octets without the overhead of a kernel's buffers."""
    tcb = connection.tcb
    return {
        "SK_MEMINFO_RMEM_ALLOC": tcb.rcv_queued,
        "SK_MEMINFO_RCVBUF": tcb.rcv_buf,
        "SK_MEMINFO_WMEM_ALLOC": len(tcb.sendbuf),
        "SK_MEMINFO_SNDBUF": tcb.snd_memory,
        "SK_MEMINFO_FWD_ALLOC": 0,
        "SK_MEMINFO_WMEM_QUEUED": len(tcb.sendbuf),
        "SK_MEMINFO_OPTMEM": 0,
        "SK_MEMINFO_BACKLOG": 0,  # a segment is never put aside because a call holds the socket
        "SK_MEMINFO_DROPS": 0,
    }
