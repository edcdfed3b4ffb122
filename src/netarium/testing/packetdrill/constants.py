"""The names that scripts use for numbers: those of Linux's headers.

Scripts for other systems use the same names, and a few of their own; their numbers do not matter, for calls are made
on our Socket library, which speaks Linux's. Where a number itself is in a script (what F_GETFL returns), the call
knows the profile.
"""

import errno
import fcntl
import os
import select
import socket
from typing import Final

from netarium.socket.options import TCP_UTO, TCP_UTO_ADVERTISE, TCP_UTO_CHANGEABLE, TCP_UTO_REMOTE

_PREFIXES: Final = (
    "AF_", "PF_", "SOCK_", "IPPROTO_", "SO_", "SOL_", "MSG_", "SHUT_", "TCP_", "IP_", "IPV6_", "SCM_", "INADDR_",
    "IPTOS_", "SOMAXCONN",
)  # fmt: skip

CONSTANTS: Final[dict[str, int]] = {
    name: int(getattr(socket, name))
    for name in dir(socket)
    if name.startswith(_PREFIXES) and isinstance(getattr(socket, name), int)
}
CONSTANTS.update(
    {
        name: int(getattr(select, name))
        for name in dir(select)
        if name.startswith(("POLL", "EPOLL")) and isinstance(getattr(select, name), int)
    }
)
CONSTANTS.update(
    {name: int(getattr(os, name)) for name in dir(os) if name.startswith(("O_", "SEEK_", "SPLICE_"))}
)
CONSTANTS.update(
    {name: int(getattr(fcntl, name)) for name in dir(fcntl) if name.startswith(("F_", "FD_CLOEXEC"))}
)

_SOCKET: Final = {
    "PF_INET": 2, "PF_INET6": 10, "PF_UNSPEC": 0, "SOL_TCP": 6, "SOL_IP": 0, "SOL_IPV6": 41, "SOL_UDP": 17, "NULL": 0,
    "SO_NO_CHECK": 11, "SO_PRIORITY": 12, "SO_BSDCOMPAT": 14, "SO_RCVBUFFORCE": 33, "SO_SNDBUFFORCE": 32,
    "SO_TIMESTAMP": 29, "SO_TIMESTAMPNS": 35, "SO_TIMESTAMPING": 37, "SO_RXQ_OVFL": 40, "SO_PEEK_OFF": 42,
    "SO_BUSY_POLL": 46, "SO_MAX_PACING_RATE": 47, "SO_MEMINFO": 55, "SO_COOKIE": 57, "SO_ZEROCOPY": 60, "SO_TXTIME": 61,
    "MSG_ERRQUEUE": 0x2000, "MSG_NOSIGNAL": 0x4000, "MSG_MORE": 0x8000, "MSG_WAITFORONE": 0x10000,
    "MSG_ZEROCOPY": 0x4000000, "MSG_FASTOPEN": 0x20000000, "MSG_CMSG_CLOEXEC": 0x40000000, "MSG_CONFIRM": 0x800,
    "MSG_SYN": 0x400, "MSG_FIN": 0x200, "MSG_RST": 0x1000,
    "IP_MTU_DISCOVER": 10, "IP_RECVERR": 11, "IP_RECVTTL": 12, "IP_RECVTOS": 13, "IP_MTU": 14, "IP_FREEBIND": 15,
    "IP_PMTUDISC_DONT": 0, "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2, "IP_PMTUDISC_PROBE": 3,
    "IP_PMTUDISC_INTERFACE": 4, "IP_PMTUDISC_OMIT": 5, "IP_BIND_ADDRESS_NO_PORT": 24, "IP_CHECKSUM": 23,
    "IPV6_MTU": 24, "IPV6_RECVERR": 25, "IPV6_MTU_DISCOVER": 23, "IPV6_FLOWINFO_SEND": 33, "IPV6_AUTOFLOWLABEL": 70,
    "IPTOS_LOWDELAY": 0x10, "IPTOS_THROUGHPUT": 8, "IPTOS_RELIABILITY": 4, "IPTOS_MINCOST": 2,
    "CMSG_LEVEL_IP": 0, "CMSG_TYPE_RECVERR": 11,  # the runners of public suites define them by the IP version
    "SCM_TIMESTAMPING": 37, "SCM_TIMESTAMP": 29, "SCM_TIMESTAMPNS": 35, "SCM_TIMESTAMPING_OPT_STATS": 54,
    "INADDR_ANY": 0, "INADDR_LOOPBACK": 0x7F000001,
}  # fmt: skip
_TCP: Final = {
    "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6,
    "TCP_SYNCNT": 7, "TCP_LINGER2": 8, "TCP_DEFER_ACCEPT": 9, "TCP_WINDOW_CLAMP": 10, "TCP_INFO": 11,
    "TCP_QUICKACK": 12, "TCP_CONGESTION": 13, "TCP_MD5SIG": 14, "TCP_THIN_LINEAR_TIMEOUTS": 16, "TCP_THIN_DUPACK": 17,
    "TCP_USER_TIMEOUT": 18, "TCP_REPAIR": 19, "TCP_REPAIR_QUEUE": 20, "TCP_QUEUE_SEQ": 21, "TCP_REPAIR_OPTIONS": 22,
    "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24, "TCP_NOTSENT_LOWAT": 25, "TCP_CC_INFO": 26, "TCP_SAVE_SYN": 27,
    "TCP_SAVED_SYN": 28, "TCP_REPAIR_WINDOW": 29, "TCP_FASTOPEN_CONNECT": 30, "TCP_ULP": 31, "TCP_MD5SIG_EXT": 32,
    "TCP_FASTOPEN_KEY": 33, "TCP_FASTOPEN_NO_COOKIE": 34, "TCP_ZEROCOPY_RECEIVE": 35, "TCP_INQ": 36, "TCP_CM_INQ": 36,
    "TCP_TX_DELAY": 37, "TCP_RTO_MAX_MS": 44, "TCP_RTO_MIN_US": 45, "TCP_DELACK_MAX_US": 46,
    "TCP_UTO": TCP_UTO, "TCP_UTO_ADVERTISE": TCP_UTO_ADVERTISE, "TCP_UTO_CHANGEABLE": TCP_UTO_CHANGEABLE,
    "TCP_UTO_REMOTE": TCP_UTO_REMOTE,  # no kernel has them
    "TCP_EXP_THIN_DUPACK": 17, "TCP_EXP_EARLY_RETRANS": 15,
    "TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8, "TCPI_OPT_ECN_SEEN": 16,
    "TCPI_OPT_SYN_DATA": 32,
    "TCP_FUNCTION_BLK": 0x10001, "TCP_NOOPT": 0x10002, "TCP_NOPUSH": 3, "TCP_KEEPINIT": 0x10003,  # FreeBSD
    "TCP_MAXUNACKTIME": 0x10010, "TCP_REMOTE_UDP_ENCAPS_PORT": 0x10011, "TCP_LOG": 0x10012, "TCP_LOGBUF": 0x10013,
    "TCP_LOGID": 0x10014, "TCP_LOGDUMP": 0x10015, "TCP_LOGDUMPID": 0x10016, "TCP_LOG_LIMIT": 0x10017, "TCP_LOG_TAG": 0x10018,
    "TCP_PCAP_OUT": 0x10019, "TCP_PCAP_IN": 0x1001A, "TCP_REUSPORT_LB_NUMA": 0x1001B, "TCP_STATS": 0x1001C,
    "TCP_FIN_IS_RST": 0x1001D, "TCP_IWND_NB": 0x1001E, "SO_USELOOPBACK": 0x10020, "SO_NO_OFFLOAD": 0x10021,
    "SO_NO_DDP": 0x10022, "SO_REUSEPORT_LB": 0x10023, "SO_TS_CLOCK": 0x10024, "SO_LISTENQLIMIT": 0x10025,
    "SO_LISTENQLEN": 0x10026, "SO_LISTENINCQLEN": 0x10027,
    "SO_ACCEPTFILTER": 0x10004, "SO_NOSIGPIPE": 0x10005, "SO_SETFIB": 0x10006, "MSG_EOF": 0x200, "MSG_NBIO": 0x40,
}  # fmt: skip
_OTHERS: Final = {
    "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3, "POLLINVAL": 0x20,
    "FIONREAD": 0x541B, "SIOCINQ": 0x541B, "TIOCOUTQ": 0x5411, "SIOCOUTQ": 0x5411, "SIOCOUTQNSD": 0x894B,
    "SIOCATMARK": 0x8905, "FIONBIO": 0x5421, "FIOASYNC": 0x5452, "FIONWRITE": 0x5411, "FIONSPACE": 0x10007,
    "SPLICE_F_MOVE": 1, "SPLICE_F_NONBLOCK": 2, "SPLICE_F_MORE": 4, "SPLICE_F_GIFT": 8,
    "SO_EE_ORIGIN_NONE": 0, "SO_EE_ORIGIN_LOCAL": 1, "SO_EE_ORIGIN_ICMP": 2, "SO_EE_ORIGIN_ICMP6": 3,
    "SO_EE_ORIGIN_TIMESTAMPING": 4, "SO_EE_ORIGIN_TXSTATUS": 4, "SO_EE_ORIGIN_ZEROCOPY": 5,
    "SO_EE_CODE_ZEROCOPY_COPIED": 1,
    "SCM_TSTAMP_SND": 0, "SCM_TSTAMP_SCHED": 1, "SCM_TSTAMP_ACK": 2, "SCM_TSTAMP_COMPLETION": 3,
    "SOF_TIMESTAMPING_TX_HARDWARE": 1 << 0, "SOF_TIMESTAMPING_TX_SOFTWARE": 1 << 1,
    "SOF_TIMESTAMPING_RX_HARDWARE": 1 << 2, "SOF_TIMESTAMPING_RX_SOFTWARE": 1 << 3,
    "SOF_TIMESTAMPING_SOFTWARE": 1 << 4, "SOF_TIMESTAMPING_SYS_HARDWARE": 1 << 5,
    "SOF_TIMESTAMPING_RAW_HARDWARE": 1 << 6, "SOF_TIMESTAMPING_OPT_ID": 1 << 7, "SOF_TIMESTAMPING_TX_SCHED": 1 << 8,
    "SOF_TIMESTAMPING_TX_ACK": 1 << 9, "SOF_TIMESTAMPING_OPT_CMSG": 1 << 10, "SOF_TIMESTAMPING_OPT_TSONLY": 1 << 11,
    "SOF_TIMESTAMPING_OPT_STATS": 1 << 12, "SOF_TIMESTAMPING_OPT_PKTINFO": 1 << 13,
    "SOF_TIMESTAMPING_OPT_TX_SWHW": 1 << 14, "SOF_TIMESTAMPING_BIND_PHC": 1 << 15,
    "SOF_TIMESTAMPING_OPT_ID_TCP": 1 << 16,
}  # fmt: skip
for _table in (_SOCKET, _TCP, _OTHERS):
    CONSTANTS.update(_table)

ERRNOS: Final[dict[str, int]] = {name: number for number, name in errno.errorcode.items()}
# FreeBSD's own: they have no number here, and so no call can return them.
ERRNOS.update(
    {
        name: 100_000 + at
        for at, name in enumerate(
            ("EAUTH", "EBADRPC", "ECAPMODE", "EDOOFUS", "EFTYPE", "EINTEGRITY", "ENEEDAUTH", "ENOATTR", "ENOTCAPABLE",
             "EPROCLIM", "EPROCUNAVAIL", "EPROGMISMATCH", "EPROGUNAVAIL", "ERPCMISMATCH")
        )
    }
)  # fmt: skip
ERRNOS.update({"EWOULDBLOCK": errno.EWOULDBLOCK, "ENOTSUP": errno.EOPNOTSUPP, "EOPNOTSUPP": errno.EOPNOTSUPP})

CONGESTION_STATES: Final = {
    "TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
}  # fmt: skip
STATES: Final = {
    "TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4, "TCP_FIN_WAIT2": 5,
    "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8, "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11,
    "TCP_NEW_SYN_RECV": 12,
}  # fmt: skip
FREEBSD_STATES: Final = {
    "TCPS_CLOSED": 0, "TCPS_LISTEN": 1, "TCPS_SYN_SENT": 2, "TCPS_SYN_RECEIVED": 3, "TCPS_ESTABLISHED": 4,
    "TCPS_CLOSE_WAIT": 5, "TCPS_FIN_WAIT_1": 6, "TCPS_CLOSING": 7, "TCPS_LAST_ACK": 8, "TCPS_FIN_WAIT_2": 9,
    "TCPS_TIME_WAIT": 10,
}  # fmt: skip
CODE_NAMES: Final = {
    **FREEBSD_STATES,
    **CONGESTION_STATES,
    **STATES,
    **{name: value for name, value in _TCP.items() if name.startswith("TCPI_OPT_")},
}
CONSTANTS.update(STATES)
CONSTANTS.update(FREEBSD_STATES)
CONSTANTS.update(CONGESTION_STATES)
