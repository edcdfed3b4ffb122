"""How things end: malformed bytes, drops, connections.

`WireError` is raised by a parser and caught in one place. Everything else that happens to a frame on its way
up is a *fate*, returned and counted, never raised: peer faults do not travel as exceptions.
"""

import errno
from enum import Enum, StrEnum


class WireError(ValueError):
    """Malformed bytes from the wire; the text names the layer and the fault. Users never see it."""


class UsageError(ValueError):
    """A user's mistake, told in one line that says what, where, and what to do."""


class Accepted(StrEnum):
    """A frame's good ends."""

    LOCAL = "accepted"
    FORWARDED = "forwarded"


class DropReason(StrEnum):
    """Why a frame went no further. The value is the name of its counter.

    Every frame that enters `Machine.receive` ends in exactly one `Accepted` or one `DropReason`.
    """

    # link (F2-F3)
    ETH_SHORT = "eth_rx_short"
    ETH_MALFORMED = "eth_rx_malformed"
    ETH_UNKNOWN_TYPE = "eth_rx_unknown_type"
    ETH_NOT_OURS = "eth_rx_not_ours"
    ETH_BAD_SOURCE = "eth_rx_bad_source"
    # ARP
    ARP_MALFORMED = "arp_rx_malformed"
    ARP_NOT_OURS = "arp_rx_not_ours"
    ARP_UNSOLICITED = "arp_rx_unsolicited"
    ARP_BAD_SOURCE = "arp_rx_bad_source"
    ARP_TABLE_FULL = "arp_table_full"
    # IP
    IP_MALFORMED = "ip_in_hdr_errors"
    IP_CHECKSUM = "ip_in_csum_errors"
    IP_TRUNCATED = "ip_in_truncated"
    IP_BAD_OPTIONS = "ip_in_bad_options"
    IP_SOURCE_ROUTED = "ip_in_source_routed"
    IP_MARTIAN = "ip_in_martian"
    IP_NOT_OURS = "ip_in_addr_errors"
    IP_L2_BROADCAST = "ip_rx_l2bcast"
    IP_UNKNOWN_PROTOCOL = "ip_in_unknown_protos"
    IP_TTL_EXPIRED = "ip_in_ttl_expired"
    IP_NO_ROUTE = "ip_in_no_routes"
    IP_FORWARD_TOO_BIG = "ip_forward_too_big"
    IP_FORWARD_FILTERED = "ip_forward_filtered"
    IP_FRAGMENT_BAD = "ip_reasm_malformed"
    IP_FRAGMENT_OVERLAP = "ip_reasm_overlaps"
    IP_FRAGMENT_OVERSIZE = "ip_reasm_oversize"
    IP_FRAGMENT_LIMIT = "ip_reasm_limit"
    IP_FRAGMENT_ECN = "ip_reasm_ecn"
    # ICMP
    ICMP_MALFORMED = "icmp_in_malformed"
    ICMP_CHECKSUM = "icmp_in_csum_errors"
    ICMP_UNKNOWN_TYPE = "icmp_in_unknown_type"
    ICMP_IGNORED = "icmp_in_ignored"
    ICMP_NO_MATCH = "icmp_in_no_match"
    ICMP_ECHO_BROADCAST = "icmp_in_echo_broadcast"
    ICMP_REDIRECT_REFUSED = "icmp_in_redirect_refused"
    ICMP_ECHO_LIMITED = "icmp_in_echo_ratelimited"
    # IGMP
    IGMP_MALFORMED = "igmp_in_malformed"
    # UDP
    UDP_MALFORMED = "udp_in_errors"
    UDP_CHECKSUM = "udp_in_csum_errors"
    UDP_NO_PORT = "udp_noports"
    UDP_BUFFER_FULL = "udp_rcvbuf_errors"
    # TCP
    TCP_MALFORMED = "tcp_in_errs"
    TCP_CHECKSUM = "tcp_in_csum_errors"
    TCP_GROUP_DESTINATION = "tcp_in_group_destination"
    TCP_BAD_SOURCE = "tcp_in_bad_source"
    TCP_NO_CONNECTION = "tcp_in_no_connection"
    TCP_RESET_NO_CONNECTION = "tcp_in_reset_no_connection"
    TCP_BAD_SEGMENT = "tcp_in_unacceptable"
    TCP_OUT_OF_WINDOW = "tcp_out_of_window"
    TCP_PAWS = "tcp_paws_rejected"
    TCP_BAD_RESET = "tcp_challenge_rst"
    TCP_BAD_SYN = "tcp_challenge_syn"
    TCP_BAD_ACK = "tcp_in_bad_ack"
    TCP_LISTEN_OVERFLOW = "tcp_listen_overflows"
    TCP_TIME_WAIT = "tcp_in_time_wait"
    TCP_BAD_ECHO = "tcp_tsecr_rejected"
    TCP_BAD_COOKIE = "tcp_cookie_failed"
    # device and machine
    NO_INTERFACE = "rx_no_interface"
    INTERNAL_ERROR = "internal_error"


Fate = Accepted | DropReason


class CloseReason(Enum):
    """Why a connection or an operation ended; the value is the errno that the socket reports."""

    NORMAL = 0
    REFUSED = errno.ECONNREFUSED
    RESET = errno.ECONNRESET
    ABORTED = errno.ECONNABORTED
    TIMED_OUT = errno.ETIMEDOUT
    HOST_UNREACHABLE = errno.EHOSTUNREACH
    NETWORK_UNREACHABLE = errno.ENETUNREACH
    NETWORK_DOWN = errno.ENETDOWN
    PROTOCOL_UNREACHABLE = errno.ENOPROTOOPT
    MESSAGE_TOO_LONG = errno.EMSGSIZE
    ADDRESS_IN_USE = errno.EADDRINUSE
    ADDRESS_NOT_AVAILABLE = errno.EADDRNOTAVAIL
    NO_BUFFERS = errno.ENOBUFS
    ACCESS = errno.EACCES
    INVALID = errno.EINVAL


class StackError(Exception):
    """An operation that the stack refuses, told by its errno.

    Raised by F3-F5 for calls from above (never for bytes from below); F6 turns it into `OSError`.

    Attributes:
        reason: whose value is the errno.
        detail: names the object and the number, as in `192.0.2.1:80`.
    """

    def __init__(self, reason: CloseReason | int, detail: str = "") -> None:
        self.errno: int = reason.value if isinstance(reason, CloseReason) else reason
        self.detail = detail
        super().__init__(self.errno, detail)
