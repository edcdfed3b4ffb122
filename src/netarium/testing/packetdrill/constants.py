"""The names that scripts use for numbers: those of Linux's headers."""

import errno
import fcntl
import os
import select
import socket
import struct
from typing import Final

_PREFIXES: Final = (
    "AF_", "PF_", "SOCK_", "IPPROTO_", "SO_", "SOL_", "MSG_", "SHUT_", "TCP_", "IP_", "IPV6_", "SCM_",
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
        if name.startswith(("POLL", "EPOLL_CLOEXEC", "EPOLL"))
    }
)
CONSTANTS.update(
    {name: int(getattr(os, name)) for name in ("O_RDWR", "O_RDONLY", "O_WRONLY", "O_NONBLOCK", "O_CLOEXEC")}
)
CONSTANTS.update(
    {name: int(getattr(fcntl, name)) for name in ("F_GETFL", "F_SETFL", "F_GETFD", "F_SETFD", "FD_CLOEXEC")}
)
CONSTANTS.update(
{
    "SOL_TCP": 6, "SOL_IP": 0, "SOL_IPV6": 41, "SOL_UDP": 17, "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3, "INADDR_ANY": 0, "NULL": 0, "SIOCINQ": 0x541B, "FIONREAD": 0x541B, "SIOCOUTQ": 0x5411, "TIOCOUTQ": 0x5411,
    "SIOCATMARK": 0x8905, "IP_RECVERR": 11, "IP_MTU_DISCOVER": 10, "IP_MTU": 14, "IP_PMTUDISC_DONT": 0,
    "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2, "IP_PMTUDISC_PROBE": 3, "TCP_INQ": 36, "TCP_CM_INQ": 36,
    "MSG_ERRQUEUE": 0x2000, "MSG_NOSIGNAL": 0x4000, "MSG_MORE": 0x8000, "IP_RECVTTL": 12, "IP_FREEBIND": 15,
}
)  # fmt: skip

ERRNOS: Final[dict[str, int]] = {name: number for number, name in errno.errorcode.items()}
ERRNOS.update({"EWOULDBLOCK": errno.EWOULDBLOCK, "ENOTSUP": errno.EOPNOTSUPP})

CONGESTION_STATES: Final = {
    "TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
}  # fmt: skip

FUNCTIONS: Final = {
    "htons": lambda value: value,  # scripts say in which order ports lie in memory; here ports are numbers
    "ntohs": lambda value: value,
    "htonl": lambda value: value,
    "inet_addr": lambda text: text,
    "inet_pton": lambda text: text,
}

LINGER: Final = struct.Struct("ii")
TIMEVAL: Final = struct.Struct("ll")
