"""Everything that setsockopt() can set, in the stack's own units.

One flat object for all protocols: an option means the same wherever it applies (RFC 1122 §4.1.4, RFC 9293 §3.9.1).
How Linux encodes each one is the Socket library's business, not ours.
"""

from dataclasses import dataclass, fields

# IP_MTU_DISCOVER (ip(7)): how DF is set and whether the path MTU is learned.
PMTUDISC_DONT = 0
PMTUDISC_WANT = 1
PMTUDISC_DO = 2
PMTUDISC_PROBE = 3


@dataclass(slots=True)
class SocketOptions:
    """The options of one endpoint. Durations are ns, sizes octets; 0 or None says "the configuration's".

    Attributes:
        linger: None, or seconds that close() waits for unsent data; 0: close() resets (RFC 9293 §3.9.1.5 ABORT).
        linger_told: l_linger as it was set last, which getsockopt() tells even when it is off.
        linger2_ns: how long a closed socket stays in FIN-WAIT-2; 0: as the configuration says, below 0: not at all.
        rcvbuf: octets of receive buffer, as getsockopt() shows it (Linux doubles what was asked for).
        rcvbuf_locked: SO_RCVBUF was set: no automatic tuning any more. Likewise `sndbuf_locked`.
        peek_off: where the next MSG_PEEK begins in the receive queue (SO_PEEK_OFF); negative: always at its front.
        bindtodevice: interface name, or "" for all.
        priority: a label for the application's own use, as there are no queueing disciplines. Likewise `mark`.
        ttl: 0: the configuration's.
        mtu_discover: PMTUDISC_*.
        multicast_if: packed address of the interface for multicast, or the wildcard.
        multicast_index: its index, if it was named by index; else 0.
        user_timeout_ns: how long sent data may stay unacknowledged (RFC 5482); 0: by the retransmission count.
        uto: the User Timeout Option is sent and looked at (ENABLED of RFC 5482 §3).
        uto_advertised_ns: what it says (ADV_UTO); 0: `user_timeout_ns`, or how long the retransmissions last.
        uto_changeable: the peer's may change how patient we are (CHANGEABLE).
        keepidle_ns: keep-alive timing; 0: the configuration's. Likewise `keepintvl_ns`, `keepcnt`.
        maxseg: upper limit of the MSS, 0: the path's.
        notsent_lowat: more than so many octets not sent yet are not writable; 0: the configuration's.
        rto_min_ns: bounds of the retransmission timeout; 0: the configuration's. Likewise `rto_max_ns`, `delack_max_ns`.
        thin_linear_timeouts: of a stream with few segments in flight the first timeouts do not double.
        save_syn: 1 or 2: accepted connections remember their SYN (TCP_SAVE_SYN).
        zerocopy: MSG_ZEROCOPY is understood. Likewise `timestamping`: SOF_TIMESTAMPING_* (SO_TIMESTAMPING).
        shared: several endpoints have this object: who wants to change it needs a copy.
        inq: recvmsg() tells how much is left (TCP_INQ).
        defer_accept: repetitions of the SYN,ACK until a bare ACK completes a handshake.
        fast_open: connections of a listener that may open fast at a time (RFC 7413); likewise the three that follow.
        fast_open_connect: connect() waits for the first octets, to send them with the SYN.
        fast_open_no_cookie: no cookie is needed.
        connect_timeout_ns: the end of connect(), however often its SYN was repeated; 0: the configuration's.
        no_tcp_options: no options in SYNs, and none of the peer's is agreed to (FreeBSD's TCP_NOOPT).
        fast_open_key: what a listener makes its cookies with, 16 octets, or 32 with an old one; b"": the machine's.
    """

    # SOL_SOCKET
    reuseaddr: bool = False
    reuseport: bool = False
    broadcast: bool = False
    keepalive: bool = False
    oobinline: bool = False
    linger: int | None = None
    linger_told: int = 0
    rcvbuf: int = 0
    sndbuf: int = 0
    rcvbuf_locked: bool = False
    sndbuf_locked: bool = False
    rcvlowat: int = 1
    peek_off: int = -1
    rcvtimeo_ns: int = 0
    sndtimeo_ns: int = 0
    bindtodevice: str = ""
    priority: int = 0
    mark: int = 0
    timestamp: bool = False
    # IPPROTO_IP, IPPROTO_IPV6
    ttl: int = 0
    tos: int = 0
    recvtos: bool = False
    recvttl: bool = False
    pktinfo: bool = False
    recverr: bool = False
    mtu_discover: int = PMTUDISC_WANT
    multicast_ttl: int = 1
    multicast_loop: bool = True
    multicast_all: bool = True
    multicast_if: bytes = b""
    multicast_index: int = 0
    freebind: bool = False
    v6only: bool = False
    ip_options: bytes = b""
    # IPPROTO_UDP
    no_check: bool = False
    # IPPROTO_TCP
    nodelay: bool = False
    cork: bool = False
    keepidle_ns: int = 0
    keepintvl_ns: int = 0
    keepcnt: int = 0
    syncnt: int = 0
    linger2_ns: int = 0
    quickack: bool = True
    user_timeout_ns: int = 0
    uto: bool = False
    uto_advertised_ns: int = 0
    uto_changeable: bool = True
    maxseg: int = 0
    window_clamp: int = 0
    notsent_lowat: int = 0
    rto_min_ns: int = 0
    rto_max_ns: int = 0
    delack_max_ns: int = 0
    thin_linear_timeouts: bool = False
    save_syn: int = 0
    max_pacing_rate: int = 0  # octets/s; 0: none
    congestion: str = ""
    # what became of what was sent (MSG_ERRQUEUE)
    zerocopy: bool = False
    timestamping: int = 0
    inq: bool = False
    defer_accept: int = 0
    fast_open: int = 0
    fast_open_connect: bool = False
    fast_open_no_cookie: bool = False
    fast_open_key: bytes = b""
    connect_timeout_ns: int = 0
    no_tcp_options: bool = False

    shared: bool = False

    def copy(self) -> "SocketOptions":
        """An equal one, which nobody shares yet."""
        twin = SocketOptions.__new__(SocketOptions)
        for name in _NAMES:
            setattr(twin, name, getattr(self, name))
        twin.shared = False
        return twin

    def share(self) -> "SocketOptions":
        """What an accepted connection inherits from its listener: itself, until one of the two changes something."""
        self.shared = True
        return self


_NAMES = tuple(field.name for field in fields(SocketOptions))
