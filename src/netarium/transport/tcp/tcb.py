"""The control block: all that one connection knows (RFC 9293 §3.3.1, and the variables of its companions).

The variables are public and named as in the RFCs; the modules beside this one work on them. Sequence numbers are
unwrapped (see `base.seq`): plain ints whose low 32 bits go on the wire.
"""

from collections import deque
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.config import TcpConfig
from netarium.base.trace import StateChanged, Trace
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.accurate import Accurate
from netarium.transport.tcp.boundaries import Boundaries
from netarium.transport.tcp.congestion import ALGORITHMS, CongestionControl
from netarium.transport.tcp.hearsay import Hearsay
from netarium.transport.tcp.notices import Notices
from netarium.transport.tcp.outgoing import Outgoing
from netarium.transport.tcp.plpmtud import PathSearch
from netarium.transport.tcp.prr import NO_REDUCTION, Prr
from netarium.transport.tcp.rack import Rack
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.reassembly import Reassembly
from netarium.transport.tcp.reordering import Reordering
from netarium.transport.tcp.rtt import RttEstimator
from netarium.transport.tcp.scoreboard import Scoreboard
from netarium.transport.tcp.sendbuf import SendBuffer
from netarium.transport.tcp.state import TRANSITIONS, State
from netarium.transport.tcp.tally import Tally
from netarium.transport.tcp.undo import Undo
from netarium.wire.tcp import TcpSegment
from netarium.wire.tcp_options import FastOpenOption

DEFAULT_MSS4: Final = 536  # RFC 9293 MUST-15
DEFAULT_MSS6: Final = 1_220

# Where loss recovery stands: Linux's words and numbers, as TCP_INFO tells them.
OPEN: Final = 0  # nothing to worry about
DISORDER: Final = 1  # duplicate ACKs, SACKs or DSACKs, and nothing that must be called a loss
CWR: Final = 2  # the window is reduced without a loss, until SND.UNA passes `recover` (RFC 3168 §6.1.2)
RECOVERY: Final = 3  # fast recovery until SND.UNA reaches `recover` (RFC 6582, RFC 6675)
LOSS: Final = 4  # after a retransmission timeout

# What was heard of the network's marks (`ecn_heard`).
MARKS_SEEN: Final = 1
ECHO_DUE: Final = 2


class Tcb:
    """One connection's variables.

    Attributes:
        iss: initial send sequence number.
        snd_una: oldest unacknowledged.
        snd_nxt: next to be sent for the first time.
        snd_wnd: what the peer lets us send above `snd_una`, unshifted to octets.
        snd_wl1: segment sequence number of the last window update.
        snd_wl2: segment acknowledgment number of the last window update.
        snd_up: send urgent pointer: the octet after urgent data; meaningful while above `snd_una`.
        burst_end: what was queued up to here when nothing was unacknowledged, for Nagle's "burst" form; it holds as long
            as `burst_una` is `snd_una`.
        chunk_rest: a chunk that leaves segment by segment, where the device takes single ones; None: there is none.
        chunk_gone: how many of its octets have left.
        octet_probed: the octet at `snd_nxt` was sent as a window probe; it does not count as sent unless acknowledged.
        snd_sml: end of the last segment sent that was less than full (draft-minshall-nagle-01).
        rate: samples the delivery rate for a congestion control that wants it; else None.
        paced: data goes no faster than a rate.
        paced_until: no burst before that.
        pacing_at: when what waits for that may go; 0: nothing does.
        pacing_burst: octets of the current burst that may still go.
        cwnd_limited: the congestion window was used to the full in the round trip that ends at `cwnd_usage_seq`.
        max_packets_out: octets that were outstanding in that round trip, rounded up to segments.
        snd_cwnd_used: likewise the most, since `snd_cwnd_stamp`.
        max_snd_wnd: largest window the peer ever offered (RFC 9293 §3.8.6.2.1, RFC 5961 §5.2).
        room_awaited: somebody found no room in the send buffer and may wait for it.
        snd_expanded: the congestion window for which `snd_memory` was last reckoned.
        snd_memory: octets that what waits and its bookkeeping may take (SO_SNDBUF); it grows with the congestion window.
        smss: payload octets of a full segment, options of each segment subtracted (RFC 9293 MUST-16).
        fin_queued: the application ended the stream.
        fin_seq: where our FIN is, once sent; else None.
        rcv_nxt: next expected.
        rcv_adv: right edge of the window that was ever advertised.
        rcv_up: receive urgent pointer.
        rcv_fin: where the peer's FIN is, once known.
        rcv_queue: what waits for the application; None: nothing.
        rcv_buf: octets that may wait for the application.
        rcv_memory: what they and their bookkeeping may take (SO_RCVBUF); `rcv_ratio` 256ths of it are `rcv_buf`.
        rcv_ssthresh: the window grows up to it at once, and it grows with what arrives, up to `window_clamp`.
        rcv_mss: what a full segment of the peer's is, as far as those that came tell.
        rcv_gso: 0, or the text of each of the segments that the one at hand was merged from.
        advmss: the most that its segments carry, as our MSS option says.
        recover: RFC 6582's; loss recovery ends when `snd_una` reaches it.
        force_retransmit: the first lost segment goes, whatever is in flight.
        first_resent_at: when the first of the retransmissions was sent that may be outstanding; 0: there is none.
        frto: the timeout may still prove needless (RFC 5682).
        hold_resending: new data only, until the next ACK.
        held: an ACK that waits for its like, with what those before it told, and when it came (`ackburst`).
        tlp_due: a loss probe is to be sent.
        tlp_end_seq: SND.NXT when the loss probe was sent that is out; None: none is (RFC 8985 §7).
        tlp_is_retrans: that probe was a retransmission.
        rexmit_for: what `rexmit_at` is for (see `xmittimer`).
        dsack_dups: segments of which DSACKs told that they arrived twice.
        ack_now: an acknowledgment must go with the next transmission, or by itself.
        ack_scheduled: an acknowledgment is owed, now or later.
        ack_pushed: a segment came that ends something: reading it acknowledges it (2: more than one).
        quickacks: so many of the next segments are acknowledged at once, but for `pingpong`.
        pingpong: the conversation goes both ways: ACKs may ride on answers.
        ato_ns: how long an ACK may be delayed, after the rhythm of what arrives; 0: nothing came yet.
        compressed: segments behind a hole whose ACK waits for `compressed_at`.
        dsack: what came twice, to be reported by the next ACK.
        output: something may be ready to be sent.
        wakeup: the application's view may have changed.
        orphan: the application has closed its descriptor; 2: and waits in that call until all is acknowledged (SO_LINGER).
        probe_due: so many segments that only ask for an answer are due: keep-alive or window probe.
        sws_override: send what the window allows, however little it is.
        reset_ack: SEG.ACK of an unacceptable segment that is to be answered by a RST, or None.
        reset_to: end of a segment without ACK that is to be answered by a RST, or None.
        abort_due: the connection is to be reset.
        our_mss: what our MSS option says (MUST-67).
        path_mss: what the path takes now.
        gso_limit: octets that the device takes at once; 0: it has no segmentation offload.
        plpmtud: the search for the path's MTU, while there is one.
        backoff_since: when the retransmission timer first expired for the segment at `snd_una`.
        ecn_ok: both ends agreed on ECN (RFC 3168, or RFC 9768: then there is `accurate`).
        ecn_heard: bits: the peer has sent packets with ECT or CE; a packet was marked, and the peer has not yet said CWR:
            every segment carries ECE.
        accurate: what is counted for Accurate ECN; None: that was not agreed on.
        cwr_due: the window was reduced: the next new data carries CWR.
        notices: the error queue, if the application asked for one.
        tally: what only TCP_INFO counts; None: nothing was there to be counted yet.
        syn_sent_at: when our first SYN, or SYN,ACK, left.
        syn_ts: its TSval.
        syn_losses: how often it timed out, as far as that must reduce the initial window.
        fast_open_option: what our first SYN says about Fast Open (RFC 7413), or SYN,ACK, or None.
        fast_opened: a connection of a listener that may be used before its handshake is over.
        syn_data: octets that our SYN carries.
        syn_data_acked: the SYN,ACK acknowledged them all; on the other side: the SYN's were taken.
        deferred: connect() waits for the first octets.
        write_pending: somebody waits for the end of the handshake with more octets.
        user_timeout_ns: how long what was sent may stay unacknowledged (RFC 5482: USER_TIMEOUT); 0: by the count.
        uto_due: the next segment with room for it tells of ours.
        hearsay: the SYN that it came from, and the user timeout that the peer suggests, if somebody wants to know.
    """

    __slots__ = (  # noqa: RUF023 - grouped by what they are about
        # who
        "config", "options", "trace", "where", "socket_id", "version", "state", "passive", "path_mss", "our_mss", "gso_size",
        "gso_limit", "plpmtud", "backoff_since",
        # send sequence space
        "iss", "snd_una", "snd_nxt", "snd_wnd", "snd_wl1", "snd_wl2", "snd_up", "snd_sml", "snd_wind_shift", "boundaries",
        "max_snd_wnd", "smss", "peer_mss", "sendbuf", "snd_memory", "snd_expanded", "room_awaited", "fin_queued", "fin_seq", "scoreboard", "syn_pending",
        "burst_end", "burst_una", "octet_probed", "chunk_rest", "chunk_gone",
        # receive sequence space
        "irs", "rcv_nxt", "rcv_adv", "rcv_up", "rcv_wind_shift", "rcv_queue", "rcv_queued", "rcv_buf", "rcv_fin",
        "rcv_mss", "rcv_shutdown", "reassembly", "drs_at", "drs_copied", "drs_space",
        "advmss", "rcv_gso", "rcv_memory", "rcv_ratio", "rcv_ssthresh", "window_clamp",
        "rcv_rtt", "rcv_rtt_at", "rcv_rtt_seq", "rcv_rtt_ecr",
        # options agreed on
        "ts_ok", "ts_offset", "ts_recent", "ts_recent_at", "last_ack_sent", "sack_ok", "wscale_ok",
        "ecn_ok", "ecn_heard", "accurate", "cwr_due",
        # the error queue; counters of TCP_INFO
        "notices", "tally",
        # opening
        "syn_sent_at", "syn_ts", "syn_losses", "fast_open_option", "fast_opened", "syn_data", "syn_data_acked",
        "deferred", "write_pending",
        # the user timeout, and its option
        "user_timeout_ns", "uto_due", "hearsay",
        # acknowledging
        "ack_now", "ack_scheduled", "ack_pushed", "quickacks", "pingpong", "ato_ns", "last_data_at", "last_seg_size",
        "rcv_ooopack", "compressed", "compressed_at", "compressed_nxt", "dup_acks_sent", "dsack", "dup_ack_at",
        # loss recovery and congestion control
        "rtt", "congestion", "recovery", "recover", "force_retransmit", "last_sent_at",
        "held",
        "rack", "reordering", "prr", "undo", "first_resent_at", "frto", "hold_resending", "tlp_due", "tlp_end_seq", "tlp_is_retrans", "rexmit_for",
        # the use of the congestion window
        "cwnd_limited", "cwnd_check_due", "cwnd_usage_seq", "max_packets_out", "snd_cwnd_used", "snd_cwnd_stamp",
        # the delivery rate, if it is sampled; pacing
        "rate", "paced", "paced_until", "pacing_at", "pacing_burst",
        # timers: when they are due, 0 when they are off
        "rexmit_at", "persist_at", "delack_at", "keepalive_at", "fin_wait_2_at", "user_timeout_at",
        "rexmit_count", "persist_count", "keepalive_count", "keepalive_idle", "probes_out", "probed_at", "unacked_since", "last_received_at",
        # what others should know
        "output", "wakeup", "error", "soft_error", "orphan", "probe_due", "sws_override", "reset_ack", "reset_to",
        "abort_due",
        # statistics (TCP_INFO)
        "total_retrans", "dsack_dups", "octets_sent", "octets_acked", "octets_received", "segs_in", "segs_out",
    )  # fmt: skip

    def __init__(
        self,
        version: int,
        config: TcpConfig,
        options: SocketOptions,
        socket_id: int,
        where: str,
        trace: Trace | None,
    ) -> None:
        self.version = version
        self.config = config
        self.options = options
        self.trace = trace
        self.where = where
        self.socket_id = socket_id
        self.state = State.CLOSED
        self.passive = False
        self.path_mss = self.our_mss = DEFAULT_MSS4
        self.gso_size = 0  # payload octets that one transmission may carry; 0: one segment
        self.gso_limit = self.snd_expanded = 0
        self.plpmtud: PathSearch | None = None
        self.backoff_since = 0
        self.smss = self.peer_mss = DEFAULT_MSS4
        self.snd_memory = options.sndbuf if options.sndbuf_locked else config.send_buffer_start
        self.rcv_memory = options.rcvbuf if options.rcvbuf_locked else config.receive_buffer
        self.rcv_ratio = 128
        self.rcv_buf = self.rcv_memory >> 1
        self.start_sending(0)
        self.start_receiving(0)
        self.rcv_wind_shift = self.snd_wind_shift = 0
        self.rcv_queue: deque[Buffer] | None = None
        self.rcv_queued = 0
        self.rcv_mss = DEFAULT_MSS4
        self.rcv_shutdown = False
        self.drs_at = self.drs_copied = self.drs_space = 0
        self.advmss = DEFAULT_MSS4
        self.rcv_ssthresh = self.window_clamp = 0
        self.rcv_rtt = self.rcv_rtt_at = self.rcv_rtt_seq = self.rcv_rtt_ecr = 0
        self.ts_ok = self.sack_ok = self.wscale_ok = False
        self.ts_offset = self.ts_recent = self.ts_recent_at = 0
        self._start_marks()
        self.notices: Notices | None = None
        self.tally: Tally | None = None
        self.syn_sent_at = self.syn_ts = self.syn_losses = self.syn_data = 0
        self.fast_open_option: FastOpenOption | None = None
        self.fast_opened = self.syn_data_acked = self.deferred = self.write_pending = False
        self.ack_now = self.ack_scheduled = self.pingpong = False
        self.ack_pushed = self.quickacks = self.ato_ns = self.last_data_at = self.last_seg_size = 0
        self.rcv_ooopack = 0
        self.compressed = self.compressed_at = self.compressed_nxt = self.dup_acks_sent = 0
        self.dsack: tuple[int, int] | None = None
        self.dup_ack_at = 0
        self.rtt = RttEstimator(
            config.initial_rto_ns, self.min_rto, self.max_rto,
            slop=config.rto_slop_ns, min_of_variance=config.min_rto_is_of_variance,
        )  # fmt: skip
        self.congestion: CongestionControl = ALGORITHMS[options.congestion or config.congestion_control](
            DEFAULT_MSS4, config.initial_window_segments * DEFAULT_MSS4, config
        )
        self.rate: RateSampler | None = None
        self.paced = False
        self.paced_until = self.pacing_at = self.pacing_burst = 0
        self.rexmit_at = self.persist_at = self.delack_at = self.keepalive_at = 0
        self.fin_wait_2_at = self.user_timeout_at = 0
        self._start_patience(options)
        self.rexmit_count = self.persist_count = self.keepalive_count = self.keepalive_idle = 0
        self.unacked_since = self.last_received_at = 0
        self.output = self.wakeup = self.abort_due = False
        self.sws_override = self.room_awaited = False
        self.reset_ack: int | None = None
        self.reset_to: int | None = None
        self.error = self.soft_error = 0
        self.total_retrans = self.octets_sent = self.octets_acked = self.octets_received = self.dsack_dups = 0
        self.segs_in = self.segs_out = 0

    def _start_patience(self, options: SocketOptions) -> None:
        self.user_timeout_ns = options.user_timeout_ns
        self.uto_due = False
        self.hearsay: Hearsay | None = None
        self.probe_due = self.orphan = 0
        self.probes_out = self.probed_at = 0  # see unanswered_probes

    def _start_marks(self) -> None:
        self.ecn_ok = self.cwr_due = False
        self.ecn_heard = 0
        self.accurate: Accurate | None = None

    def start_sending(self, iss: int) -> None:
        """Begin the send sequence space at `iss`; nothing is sent yet."""
        self.iss = self.snd_una = self.snd_nxt = self.snd_up = self.snd_sml = iss
        self.snd_wnd = self.max_snd_wnd = 0
        self.snd_wl1 = self.snd_wl2 = 0
        self.sendbuf = SendBuffer(iss + 1)
        self.boundaries: Boundaries | None = None  # until something is written
        self.fin_queued = False
        self.fin_seq: int | None = None
        self.scoreboard = Scoreboard(self.smss)
        self.rack = Rack()
        self.reordering = Reordering(self.config.dupthresh, self.config.max_reordering)
        self.prr: Prr = NO_REDUCTION
        self.undo: Undo | None = None
        self.first_resent_at = 0
        self.frto = self.hold_resending = False
        self.held: tuple[TcpSegment, int] | None = None
        self.tlp_due = self.tlp_is_retrans = False
        self.tlp_end_seq: int | None = None
        self.rexmit_for = 0
        self.syn_pending = False
        self.recovery = OPEN
        self.recover = iss
        self.force_retransmit = False
        self.cwnd_limited = self.cwnd_check_due = False
        self.cwnd_usage_seq = iss
        self.max_packets_out = self.snd_cwnd_used = self.snd_cwnd_stamp = 0
        self.last_sent_at = 0
        self.burst_end = self.burst_una = iss
        self.octet_probed = False
        self.chunk_rest: Outgoing | None = None
        self.chunk_gone = 0

    def start_receiving(self, irs: int, window: int = 0) -> None:
        """The peer's sequence space begins at `irs`, where its SYN is; our SYN offers it a first window."""
        self.irs = irs
        self.rcv_gso = 0
        self.rcv_nxt = self.rcv_up = self.last_ack_sent = irs + 1
        self.rcv_adv = self.rcv_nxt + window
        self.rcv_fin: int | None = None
        self.reassembly = Reassembly()

    @property
    def rcv_wnd(self) -> int:
        """What the peer may still send, as advertised."""
        return self.rcv_adv - self.rcv_nxt

    @property
    def flight_size(self) -> int:
        """Octets sent and not cumulatively acknowledged."""
        return self.snd_nxt - self.snd_una

    @property
    def initial_window(self) -> int:
        """RFC 6928: min(10 * MSS, max(2 * MSS, 14600)), both numbers being settings."""
        config, smss = self.config, self.smss
        segments, octets = config.initial_window_segments, config.initial_window_octets
        if octets:
            return min(segments, max(2, octets // smss)) * smss
        return min(segments * smss, max(2 * smss, segments * 1_460))

    @property
    def min_rto(self) -> int:
        """The least retransmission timeout: TCP_RTO_MIN_US, or the configuration's."""
        return self.options.rto_min_ns or self.config.min_rto_ns

    @property
    def max_rto(self) -> int:
        """The longest: TCP_RTO_MAX_MS, or the configuration's."""
        return self.options.rto_max_ns or self.config.max_rto_ns

    @property
    def max_ack_delay(self) -> int:
        """An ACK is not delayed for longer: TCP_DELACK_MAX_US, or the configuration's."""
        return self.options.delack_max_ns or self.config.delayed_ack_max_ns

    @property
    def persist_interval(self) -> int:
        """How long until the next window probe: the longer, the more there were (SHLD-29, SHLD-30)."""
        config, rtt = self.config, self.rtt
        times = min(self.persist_count, 16)
        if times and config.retries_by_time:  # Linux has one count of doublings
            times += rtt.backoff_count
        interval = rtt.spread << times if config.persist_from_rtt else rtt.rto << times
        return min(max(interval, config.persist_min_ns), config.persist_max_ns, self.max_rto)

    def probe(self, now: int) -> None:
        """A window or keep-alive probe is sent."""
        self.probes_out = self.unanswered_probes + 1
        self.probed_at = now

    @property
    def unanswered_probes(self) -> int:
        """Window and keep-alive probes sent since something was heard of the peer."""
        return self.probes_out if self.last_received_at < self.probed_at else 0

    def count(self) -> Tally:
        """The tally, which begins with the first data: an idle connection shall cost little."""
        if self.tally is None:
            self.tally = Tally()
        return self.tally

    def enter(self, new: State, why: str, now: int) -> None:
        """Change the state; the only place that does."""
        old = self.state
        assert new in TRANSITIONS[old], f"illegal transition {old} -> {new}"
        self.state = new
        self.wakeup = True
        if self.trace is not None:
            self.trace.emit(
                StateChanged(
                    at=now, where=self.where, socket=self.socket_id, old=old.value, new=new.value, why=why
                )
            )

    def stop_timers(self) -> None:
        """No timer runs any more."""
        self.rexmit_at = self.persist_at = self.delack_at = self.keepalive_at = 0
        self.fin_wait_2_at = self.user_timeout_at = self.compressed_at = self.pacing_at = 0
