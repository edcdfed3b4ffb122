"""Every setting, as frozen objects that are passed in: two machines in one process may differ in all of them.

There are no module settings and no environment variables. Durations are ns, sizes bytes.
"""

import errno
from dataclasses import dataclass, field
from typing import Final

from netarium.base.units import MS, SECOND

MINUTE: Final = 60 * SECOND


@dataclass(frozen=True, kw_only=True, slots=True)
class NeighborConfig:
    """ARP now, Neighbor Discovery later: the states and timers of RFC 4861 §10."""

    reachable_time_ns: int = 30 * SECOND  # times a random 0.5 ... 1.5
    retrans_timer_ns: int = 1 * SECOND  # also RFC 1122 §2.3.2.1: one request a second at the most
    delay_first_probe_ns: int = 5 * SECOND
    max_multicast_solicit: int = 3
    max_unicast_solicit: int = 3
    stale_lifetime_ns: int = 10 * MINUTE  # an unused STALE entry is flushed (RFC 1122 §2.3.2.1)
    failed_lifetime_ns: int = 3 * SECOND
    max_entries: int = 512
    max_incomplete: int = 64
    max_queued_packets: int = 256  # for each unresolved neighbour
    max_queued_octets: int = 212_992  # likewise, as Linux: the fragments of the largest datagram fit
    # RFC 5227: address conflict detection
    probe_wait_ns: int = 1 * SECOND
    probe_num: int = 3
    probe_min_ns: int = 1 * SECOND
    probe_max_ns: int = 2 * SECOND
    announce_wait_ns: int = 2 * SECOND
    announce_num: int = 2
    announce_interval_ns: int = 2 * SECOND
    defend_interval_ns: int = 10 * SECOND
    detect_duplicates: bool = False  # True: an address is tentative until probed (some 6 s)


@dataclass(frozen=True, kw_only=True, slots=True)
class IpConfig:
    """The Internet layer (RFC 791, 1122, 792)."""

    forwarding: bool = False  # RFC 1122 §3.1: a host does not forward
    default_ttl: int = 64
    reassembly_timeout_ns: int = 60 * SECOND  # RFC 1122 §3.3.2: 60 ... 120 s
    reassembly_max_bytes: int = 256 * 1024
    reassembly_max_datagrams: int = 64
    reassembly_max_fragments: int = 64  # pieces of one datagram; 65,535 at MTU 1,500 needs 45
    icmp_errors_per_second: int = 100
    icmp_errors_burst: int = 50
    icmp_echo_per_second: int = 10_000
    answer_broadcast_echo: bool = False  # RFC 1122 §3.2.2.6 allows the silence
    accept_redirects: bool = False
    send_redirects: bool = True  # when forwarding
    pmtu_cache_size: int = 256
    pmtu_lifetime_ns: int = 10 * MINUTE  # RFC 1191 §6.3
    min_pmtu: int = 552  # what an ICMP error may lower a path to (Linux's min_pmtu)
    transmit_queue_frames: int = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class UdpConfig:
    """UDP (RFC 768, 1122 §4.1)."""

    receive_buffer: int = 212_992
    send_buffer: int = 212_992


@dataclass(frozen=True, kw_only=True, slots=True)
class TcpConfig:
    """TCP (RFC 9293 and its company). The defaults are those of a modern Linux unless a comment says otherwise."""

    receive_buffer: int = 131_072
    receive_buffer_max: int = 6 * 1024 * 1024
    send_buffer: int = 2 * 1024 * 1024
    send_buffer_start: int = (
        16_384  # before a connection is established; then it grows with the congestion window
    )
    # What is written is gathered and leaves in chunks that end with PSH, as super-segments do on Linux; its bookkeeping
    # counts in the send buffer. Else PSH is where the buffer ends, and octets are all that counts.
    gathering: bool = True
    window_scaling: bool = True
    timestamps: bool = True
    sack: bool = True
    nagle: bool = True
    # ECN (RFC 3168): 0 off, 1 ask for it and agree to it, 2 agree only, as Linux's tcp_ecn. Accurate ECN (RFC 9768): 3 ask
    # for it and agree to it, 4 agree to it and ask for RFC 3168's, 5 agree only.
    ecn: int = 2
    ecn_option: int = (
        2  # Accurate ECN's: 0 never, 1 on change and as a beacon, 2 always, 3 even where it seems to get lost
    )
    ecn_option_beacon: int = 3  # at the least so often in a round trip (Linux's tcp_ecn_option_beacon)
    ecn_fallback: bool = True  # a repeated SYN asks no more (RFC 3168 §6.1.1.1; Linux's tcp_ecn_fallback)
    delayed_ack_ns: int = (
        40 * MS
    )  # RFC 9293 MUST-40: below 500 ms; the least delay, it follows what arrives; 0: none
    delayed_ack_max_ns: int = 200 * MS
    quick_acks: int = (
        16  # at the most so many segments of a new or long silent peer are acknowledged one by one
    )
    compressed_sack_delay_ns: int = (
        1 * MS
    )  # ACKs behind a hole, after the third, are thinned out for so long; 0: never
    compressed_sack_segments: int = 44  # ... and for so many segments
    dsack: bool = True  # RFC 2883: report what came twice
    tolerate_missing_timestamp: bool = (
        True  # Linux; RFC 7323 §3.2: a segment without the agreed option SHOULD be dropped
    )
    invalid_ratelimit_ns: int = 500 * MS  # answers to unacceptable segments without text, and challenge ACKs
    # How connections begin; in parentheses Linux's name.
    # So many SYNs follow at the initial RTO before it begins to double (tcp_syn_linear_timeouts).
    syn_linear_timeouts: int = 4
    # More SYNs than this lost: an initial window of one segment. RFC 5681 §3.1 (MUST) says 0, RFC 6928 lets it be 1.
    initial_window_syn_losses: int = 1
    abort_on_overflow: bool = False  # True: RST if the accept queue is full (tcp_abort_on_overflow)
    # SYN cookies (RFC 4987): 0 off, 1 when there are too many half-open connections, 2 always (tcp_syncookies).
    syn_cookies: int = 1
    # Fast Open (RFC 7413), the sum of (tcp_fastopen): 1 as client, 2 as server, 4 client without cookie, 0x200 server
    # without cookie, 0x400 every listener without TCP_FASTOPEN.
    fast_open: int = 1
    fast_open_key: bytes = b""  # 16 octets, or 32 with an old one; b"": a random one (tcp_fastopen_key)
    # A pause when what opens fast seems to be swallowed; 0: none (tcp_fastopen_blackhole_timeout_sec).
    fast_open_blackhole_ns: int = 0
    fast_open_cache_size: int = 1_024  # servers whose cookie and MSS are remembered
    # connect() may take over our own TIME-WAIT: 0 no, 1 yes, 2 on loopback (tcp_tw_reuse).
    time_wait_reuse: int = 2
    initial_rto_ns: int = 1 * SECOND  # RFC 6298 (2.1)
    min_rto_ns: int = 200 * MS
    max_rto_ns: int = 120 * SECOND
    syn_retries: int = (
        6  # RFC 9293 MUST-23: at least 3 minutes; with the RTOs 1 ... 64 s this is 127 s: see r2_syn_ns
    )
    r2_syn_ns: int = 180 * SECOND
    syn_ack_retries: int = 5
    # An ICMP error about a retransmission takes one doubling of its timeout back (RFC 6069).
    backoff_reverts: bool = True
    # A connection of a listener has the class of service of the SYN, and not the listener's (tcp_reflect_tos).
    reflect_tos: bool = False
    # The User Timeout Option of the peer, where an application wants one, is followed within these (RFC 5482 §3.1).
    user_timeout_least_ns: int = 100 * SECOND
    user_timeout_most_ns: int = 3_600 * SECOND
    data_retries: int = 15  # R2: about 15 minutes
    r1_retries: int = 3  # RFC 9293 SHLD-10
    orphan_retries: int = 8
    msl_ns: int = 30 * SECOND  # TIME-WAIT lasts two of them: Linux's 60 s; RFC 9293 §3.4.2 says 2 min
    fin_wait_2_timeout_ns: int = 60 * SECOND  # only for sockets that the process has closed
    keepalive_idle_ns: int = 7_200 * SECOND  # RFC 9293 MUST-28
    keepalive_interval_ns: int = 75 * SECOND
    keepalive_probes: int = 9
    initial_window_segments: int = 10  # RFC 6928
    congestion_control: str = "cubic"
    hystart_signs: int = (
        3  # what ends slow start in CUBIC's form linux: 1 trains of ACKs, 2 late ones, 3 either
    )
    cubic_form: str = "rfc"  # RFC 9438 with HyStart++ (RFC 9406); or "linux"
    slow_start_after_idle: bool = True  # RFC 2861, RFC 5681 §4.1: the window shrinks when it is not used
    ssthresh_from_flight_size: bool = (
        False  # True: as RFC 5681 §3.1 and RFC 9438 §4.6 have it; False: from cwnd
    )
    pacing: bool = False  # of a control that has no rate of its own, by the window and the round trip time
    abc_limit: int = (
        0  # segments that an ACK may count for in slow start; 0: all it acknowledges; RFC 3465 §2.2: 2
    )
    dupthresh: int = 3
    # The first six timeouts of a stream with less than four segments in flight do not double (tcp_thin_linear_timeouts).
    thin_linear_timeouts: bool = False
    # So many octets not sent yet are the most that wait in a send buffer; 0: as many as it takes (tcp_notsent_lowat).
    notsent_lowat: int = 0
    # The offered window may be taken back when memory gets short (tcp_shrink_window). RFC 9293 SHLD-14: SHOULD NOT.
    shrink_window: bool = False
    # True: the time that so many retransmissions take at the least RTO counts, from the first one on (Linux)
    retries_by_time: bool = True
    # True: a connection that is given up is reset (FreeBSD); False: only one that keep-alive found dead (Linux)
    timeout_resets: bool = False
    # loss recovery (tcp_recovery, tcp_early_retrans, tcp_frto, tcp_max_reordering)
    max_reordering: int = 300  # segments: so far DupThresh adapts to the network
    rack: bool = True  # RFC 8985; False: RFC 6675's rule alone
    rack_adapts: bool = True  # its reordering window widens after DSACKs
    rack_ignores_dupthresh: bool = False  # it stays open however many segments were SACKed
    tail_loss_probe: bool = True  # RFC 8985 §7
    # Its new data carries PSH: for that Linux acknowledges a full segment as soon as it is read, instead of 40 ms later.
    tail_loss_probe_pushes: bool = True
    frto: bool = True  # RFC 5682
    retrans_collapse: bool = True  # small segments are put together when they are sent again
    # Of segments equally old: True: the window of each counts (RFC 9293 §3.10.7.4), and a duplicate ACK has the same
    # one as before (RFC 5681 §2); False: the largest and 0 count, and what does not count is no news (Linux)
    plain_window_updates: bool = False
    somaxconn: int = 4_096
    # So many half-open connections are no crowd, however short the backlog. To Linux the backlog is the limit; but who got a
    # SYN cookie and lost his last ACK waits for ever for a server that speaks first.
    half_open_allowance: int = 127
    half_open_gives_way: bool = (
        True  # the oldest to a new SYN, with SYN cookies off; else that is dropped, as Linux does
    )
    max_half_open: int = 4_096  # for each listener, whatever its backlog (tcp_max_syn_backlog)
    max_time_wait: int = 16_384
    min_mss: int = 48  # what a peer's MSS option may ask for at the least
    max_resets_per_second: int = 1_000  # to segments that belong to no connection
    persist_max_ns: int = 120 * SECOND
    port_range: tuple[int, int] = (32_768, 60_999)
    gso_max_size: int = 64_000
    # Linux ends a connect() for any ICMP error (RFC 5461 §2.2), RFC 9293 MUST-56 only for a hard one.
    soft_errors_end_connect: bool = True
    # Path MTU without ICMP (RFC 4821): 0 never, 1 once a black hole is found, 2 always. Linux says 0; nobody is there
    # to set a user's stack right when a router does not speak, and until three timeouts are over it costs nothing.
    mtu_probing: int = 1
    base_mss: int = 1_024  # what passes everywhere, or nearly: where a search begins
    # No black hole is believed to be smaller: 512 octets fit the 576 that every host takes. Linux says 48, and an outage
    # of half a minute, which looks the same, then leaves segments of 128 octets behind, on a lossy path for good.
    mtu_probe_floor: int = 512
    mtu_probe_threshold: int = 8  # octets: a gain that is not worth a probe
    mtu_probe_interval_ns: int = 600 * SECOND  # RFC 4821 §7.3: then the path may have become better
    # Where systems and RFCs differ; `docs/profiles.md` tells from where each value comes.
    option_order: str = "linux"  # of a SYN's options, and their padding; or "freebsd"
    window_scale_from_rcvbuf: bool = (
        True  # SO_RCVBUF bounds the shift; else only the largest buffer there may be
    )
    receive_buffer_in_segments: bool = False  # rounded up to whole segments when their size is known
    rmem_max: int = (
        0  # octets: the most that SO_RCVBUF may ask for, and what the shift allows for without it; 0: no such
    )
    wmem_max: int = 0  # octets: the most that SO_SNDBUF may ask for; 0: no such
    doubled_buffers: bool = True  # SO_RCVBUF and SO_SNDBUF give twice what is asked for
    window_by_segments: bool = (
        True  # its edge moves by a segment at least; else freely, but no tiny window is open
    )
    initial_window_octets: int = 0  # upper bound, unless two segments are more; 0: 1,460 a segment (RFC 6928)
    ack_form: str = (
        "adaptive"  # when to acknowledge; or every "second" segment, every second "full" one (SHLD-19)
    )
    window_form: str = "adaptive"  # what to offer; or "plain": the free buffer
    old_acks_are_common: bool = (
        True  # a bare ACK with an old number and an old timestamp is dropped in silence
    )
    ack_required_first: bool = (
        True  # what has none of ACK, RST, SYN is dropped before its numbers are looked at
    )
    fin_wait_2_record: bool = (
        True  # a closed socket in FIN-WAIT-2 is a record: text and resets in its window end it
    )
    strict_window: bool = False  # RFC 9293 §3.4, Table 6, to the letter
    pacing_ss_percent: int = 200  # of a congestion window by round trip: the rate in slow start
    pacing_ca_percent: int = 120  # and later
    chunk_segments: int = 2  # that go in one go at least
    chunk_rtt_log: int = (
        9  # chunks are larger on short paths: 64 KiB more, halved for every 2**9 µs of round trip
    )
    route_mss: int = 0  # what our MSS option says, as the metric advmss of a route; 0: what the link takes
    mss_of_path: bool = True  # our MSS option follows the path's MTU, where it is less than the link's
    trim_to_window: bool = (
        True  # text beyond the window is cut; else a segment that begins inside is taken whole
    )
    syn_timeout_rto_ns: int = (
        3 * SECOND
    )  # the RTO after a SYN that timed out (RFC 6298 (5.7)); 0: the initial one
    rto_slop_ns: int = 0  # added to every timeout but the initial one
    min_rto_is_of_variance: bool = True  # the minimum is one of 4 * RTTVAR; else of the RTO (RFC 6298 (2.4))
    connect_timeout_ns: int = 0  # the end of connect(), whatever the retries; 0: they alone decide
    nagle_form: str = "minshall"  # what a short segment waits for; or "burst", "classic"
    probe_with_octet: bool = False  # a window probe has the next octet (RFC 9293 §3.8.6.1); else none
    persist_min_ns: int = 0  # the shortest interval of window probes
    persist_from_rtt: bool = False  # that interval begins with 4 SRTT + 8 RTTVAR; else with the RTO
    keepalive_always: bool = False  # RFC 9293 MUST-25: off unless asked for
    reset_after_shutdown: bool = True  # text after shutdown(SHUT_RDWR) is answered by RST; else thrown away
    reset_unread: bool = True  # close() with octets unread resets (SHLD-3)
    syn_ack_repeats_syn: bool = (
        True  # in a simultaneous open it has all options of our SYN; else those of theirs
    )
    syn_fin_opens: bool = False  # a SYN with a FIN opens as any SYN; else it is dropped
    half_open_syn: str = "challenge"  # what another SYN meets in SYN-RECEIVED; or "listen", "answer", "reset"
    syn_received_reset_errno: int = errno.ECONNRESET  # what a RST means in a simultaneous open
    close_wait_reset_errno: int = errno.EPIPE  # what it means in CLOSE-WAIT
    reset_means_error_when_closing: bool = True  # in CLOSING and LAST-ACK; else it is an orderly end
    error_after_end: bool = False  # recv() tells of an error even behind the end of the stream
    time_wait_exact_ack: bool = (
        False  # in TIME-WAIT all is answered but the one ACK; what has no ACK is dropped
    )
    urgent_in_line: bool = (
        True  # the urgent octet stays in the stream (RFC 6093 §6), or MSG_OOB alone reads it
    )
    # Linux: the one urgent octet is what is told of, when it has come, and a pointer of 0 means the octet at SEG.SEQ.
    urgent_octet: bool = False
    rfc1337: bool = True  # a RST does not end TIME-WAIT
    # Segments are tailored to the window as the BSDs do it, and what remains is processed (`tcp/trim.py`).
    trims_segments: bool = False
    challenge_acks: int = 0  # of one connection, then, in `challenge_acks_ns`; 0: as many as are due
    challenge_acks_ns: int = 1 * SECOND
    resets_in_window: bool = False  # RFC 793's rule for RSTs, then, instead of RFC 5961's
    resets_offer_window: bool = True  # a RST of our own has the window that any segment would have; else 0
    syn_ack_text: bool = False  # text and FIN of a SYN,ACK are taken, though it did not open fast
    # Of a SYN,ACK the echoed timestamp must be one that was sent; after a bad one the SYN is repeated at once.
    wary_of_syn_acks: bool = True
    syn_ack_is_timed: bool = True  # its ACK gives the first round trip, even without timestamps
    window_updates_grow: bool = (
        False  # with `plain_window_updates`: of equally old ones only a larger window counts
    )
    # A listener accepts half as many more connections as its backlog says, and refuses others only at their third
    # segment; else one more, and SYNs meet silence.
    backlog_and_half: bool = False
    default_mss: int = 536  # of a peer that does not tell its own (RFC 9293 MUST-15)
    # FIN-WAIT-2 of a closed socket lasts as long as keep-alive would ask, and an interval more.
    fin_wait_2_by_keepalive: bool = False
    ecn_retries: int = 0  # ... but so many repetitions of a SYN still ask
    third_syn_is_plain: bool = (
        False  # the third repetition of a SYN, and later ones, have no options but the MSS
    )
    blackhole: int = 0  # to closed ports: 1 SYNs, 2 all segments are answered by nothing
    acks_from_anywhere: bool = (
        False  # an ACK below all that RFC 5961 §5.2 allows is no reason for a challenge
    )
    second_soft_error_ends: bool = False  # ... and connect(), once its SYN was repeated more than R1 says
    # A hard ICMP error ends connect(); which ones are hard, is the system's (`socket_errors`).
    icmp_ends_connect: bool = True
    cookie_holds_options: bool = False  # a SYN cookie tells window scale and SACK, also without timestamps
    shutdown_discards: bool = False  # shutdown(SHUT_RD) throws away what has come, and what will come
    close_forgets_half_open: bool = (
        False  # close() in a simultaneous open sends nothing; else its FIN follows
    )
    resends_stream: bool = False  # what is sent again is cut anew; else small segments are put together
    blackhole_by_stages: bool = False  # with `mtu_probing` two sizes are tried behind a black hole; else any
    # How the congestion window is spent and grows: in "segments", as far as it was used (Linux); or in "octets", while
    # the peer's window is not smaller, from the start after silence, and without a burst after a recovery (the BSDs).
    cwnd_form: str = "segments"
    sack_counts_fin: bool = True  # a FIN that waits out of order is an octet of a SACK block
    closed_window_pulls_back: bool = False  # what is in flight when the window closes is taken as never sent
    # The send buffer follows the congestion "window" (Linux), grows in "steps" when it is too small, or is "fixed".
    send_buffer_form: str = "window"
    syns_in_window: bool = False  # RFC 793's rule for SYNs, too: one in the window ends the connection
    # What takes a reduction back: "evidence" of any kind (Eifel, DSACK, F-RTO), or after one timeout a "quick" ACK (BSD).
    undo_form: str = "evidence"
    limited_transmit: bool = True  # RFC 3042: the first duplicate ACKs let new data go
    socket_errors: str = "linux"  # whose errnos calls give in states that they do not fit; or "freebsd"


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineConfig:
    """One machine."""

    neighbor: NeighborConfig = field(default_factory=NeighborConfig)
    ip: IpConfig = field(default_factory=IpConfig)
    udp: UdpConfig = field(default_factory=UdpConfig)
    tcp: TcpConfig = field(default_factory=TcpConfig)
