"""What code blocks may ask about the connection under test: TCP_INFO, TCP_CC_INFO, SO_MEMINFO, by their names."""

from typing import Final

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
        facts["tcpi_state"] = _FREEBSD_STATES[facts["tcpi_state"]]
        for name in _IN_OCTETS:
            if facts[name] < 2**31 - 1:
                facts[name] *= max(connection.tcb.smss, 1)
    return facts | _memory(connection)


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
