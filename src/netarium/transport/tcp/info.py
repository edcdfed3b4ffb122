"""What `TCP_INFO` tells, named as the fields of Linux's struct tcp_info; times in µs, windows in segments or octets."""

from dataclasses import dataclass
from typing import Final

from netarium.base.units import US
from netarium.transport.tcp import negotiate, pacing, window
from netarium.transport.tcp.accurate import Accurate
from netarium.transport.tcp.codepoints import CE, ECT_0, ECT_1
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.state import CLOSED, LISTEN, SYN_SENT
from netarium.transport.tcp.tally import BUSY, IDLE, RWND_LIMITED, SNDBUF_LIMITED, Tally, Timeouts
from netarium.transport.tcp.tcb import LOSS, MARKS_SEEN, Tcb

_OPTION_TIMESTAMPS, _OPTION_SACK, _OPTION_WSCALE, _OPTION_ECN, _OPTION_ECN_SEEN = 1, 2, 4, 8, 16
_OPTION_SYN_DATA, _OPTION_FAST_OPEN_CHILD = 32, 128
_COOKIE_UNAVAILABLE, _DATA_NOT_ACKED, _SYN_RETRANSMITTED = 1, 2, 3
_NOTHING_COUNTED: Final = Accurate(0)
_NO_RTT: Final = 0xFFFF_FFFF
_LEAST_RCV_MSS: Final = 88
_MILLISECOND: Final = 1_000 * US


@dataclass(slots=True, kw_only=True)
class TcpInfo:
    """A snapshot of one connection."""

    tcpi_state: int
    tcpi_ca_state: int
    tcpi_retransmits: int
    tcpi_probes: int
    tcpi_backoff: int
    tcpi_options: int
    tcpi_snd_wscale: int
    tcpi_rcv_wscale: int
    tcpi_rto: int
    tcpi_ato: int
    tcpi_snd_mss: int
    tcpi_rcv_mss: int
    tcpi_unacked: int
    tcpi_sacked: int
    tcpi_lost: int
    tcpi_retrans: int
    tcpi_last_data_sent: int
    tcpi_last_data_recv: int
    tcpi_pmtu: int
    tcpi_rcv_ssthresh: int
    tcpi_rtt: int
    tcpi_rttvar: int
    tcpi_snd_ssthresh: int
    tcpi_snd_cwnd: int
    tcpi_advmss: int
    tcpi_reordering: int
    tcpi_rcv_space: int
    tcpi_total_retrans: int
    tcpi_bytes_acked: int
    tcpi_bytes_received: int
    tcpi_bytes_sent: int
    tcpi_segs_out: int
    tcpi_segs_in: int
    tcpi_notsent_bytes: int
    tcpi_min_rtt: int
    tcpi_snd_wnd: int
    tcpi_rcv_wnd: int
    tcpi_fackets: int
    tcpi_last_ack_sent: int
    tcpi_last_ack_recv: int
    tcpi_rcv_rtt: int
    tcpi_pacing_rate: int
    tcpi_max_pacing_rate: int
    tcpi_delivery_rate: int
    tcpi_delivery_rate_app_limited: bool
    tcpi_data_segs_in: int
    tcpi_data_segs_out: int
    tcpi_busy_time: int
    tcpi_rwnd_limited: int
    tcpi_sndbuf_limited: int
    tcpi_delivered: int
    tcpi_delivered_ce: int
    tcpi_bytes_retrans: int
    tcpi_dsack_dups: int
    tcpi_reord_seen: int
    tcpi_rcv_ooopack: int
    tcpi_fastopen_client_fail: int
    tcpi_rehash: int
    tcpi_total_rto: int
    tcpi_total_rto_recoveries: int
    tcpi_total_rto_time: int
    tcpi_received_ce: int
    tcpi_delivered_e1_bytes: int
    tcpi_delivered_e0_bytes: int
    tcpi_delivered_ce_bytes: int
    tcpi_received_e1_bytes: int
    tcpi_received_e0_bytes: int
    tcpi_received_ce_bytes: int
    tcpi_accecn_fail_mode: int
    tcpi_accecn_opt_seen: int


def snapshot(tcb: Tcb, now: int) -> TcpInfo:
    """The connection as it is now."""
    smss = tcb.smss
    board, rtt, control, tally = tcb.scoreboard, tcb.rtt, tcb.congestion, tcb.tally or Tally()
    timeouts = tally.timeouts or Timeouts()
    accurate = tcb.accurate or _NOTHING_COUNTED
    ssthresh = control.ssthresh
    told = TcpInfo(
        tcpi_state=tcb.state.number,
        tcpi_ca_state=tcb.recovery,
        tcpi_retransmits=tcb.rexmit_count,
        tcpi_probes=tcb.unanswered_probes,
        tcpi_backoff=rtt.backoff_count + tcb.persist_count,
        tcpi_options=tcb.ts_ok * _OPTION_TIMESTAMPS
        | tcb.sack_ok * _OPTION_SACK
        | tcb.wscale_ok * _OPTION_WSCALE
        | tcb.ecn_ok * _OPTION_ECN
        | (tcb.ecn_heard & MARKS_SEEN) * _OPTION_ECN_SEEN
        | tcb.syn_data_acked * _OPTION_SYN_DATA
        | tcb.fast_opened * _OPTION_FAST_OPEN_CHILD,
        tcpi_snd_wscale=tcb.snd_wind_shift,
        tcpi_rcv_wscale=tcb.rcv_wind_shift if tcb.wscale_ok else 0,
        tcpi_rto=rtt.rto // US,
        tcpi_ato=tcb.ato_ns // US,
        tcpi_snd_mss=negotiate.shown_mss(tcb),
        tcpi_rcv_mss=tcb.rcv_mss,
        tcpi_unacked=board.segs_out,
        tcpi_sacked=board.segs_sacked,
        tcpi_lost=board.segs_lost,
        tcpi_retrans=board.segs_resent,
        tcpi_last_data_sent=(now - tcb.last_sent_at) // (1_000 * US) if tcb.last_sent_at else 0,
        tcpi_last_data_recv=(now - tcb.last_data_at) // (1_000 * US) if tcb.last_data_at else 0,
        tcpi_pmtu=tcb.path_mss + (40 if tcb.version == 4 else 60),
        tcpi_rcv_ssthresh=tcb.rcv_ssthresh,
        tcpi_rtt=rtt.srtt // US,
        tcpi_rttvar=rtt.shown_variance // US,
        tcpi_snd_ssthresh=ssthresh if ssthresh >= INFINITE_SSTHRESH else ssthresh // smss,
        tcpi_snd_cwnd=control.cwnd // smss,
        tcpi_advmss=tcb.advmss,
        tcpi_reordering=tcb.reordering.degree,
        tcpi_rcv_space=tcb.drs_space,
        tcpi_total_retrans=tcb.total_retrans,
        tcpi_bytes_acked=tcb.octets_acked,
        tcpi_bytes_received=tcb.octets_received
        + (tcb.rcv_fin is not None and tcb.rcv_nxt > tcb.rcv_fin),  # its FIN, too
        tcpi_bytes_sent=tcb.octets_sent + tally.octets_resent,
        tcpi_segs_out=tcb.segs_out,
        tcpi_segs_in=tcb.segs_in,
        tcpi_notsent_bytes=max(0, tcb.sendbuf.end - max(tcb.snd_nxt, tcb.iss + 1)),
        tcpi_min_rtt=rtt.min_rtt // US if rtt.min_rtt else _NO_RTT,
        tcpi_snd_wnd=tcb.snd_wnd,
        tcpi_rcv_wnd=tcb.rcv_wnd,
        tcpi_fackets=0,  # Linux has not counted them since 4.15
        tcpi_last_ack_sent=0,  # nor ever told this
        tcpi_last_ack_recv=(now - tcb.last_received_at) // (1_000 * US) if tcb.last_received_at else 0,
        tcpi_rcv_rtt=tcb.rcv_rtt // US,
        tcpi_pacing_rate=pacing.rate(tcb),
        tcpi_max_pacing_rate=tcb.options.max_pacing_rate or pacing.UNLIMITED,
        tcpi_delivery_rate=tcb.rate.rate if tcb.rate is not None else 0,
        tcpi_delivery_rate_app_limited=tcb.rate is not None and tcb.rate.rate_app_limited,
        tcpi_data_segs_in=tally.data_segs_in,
        tcpi_data_segs_out=tally.data_segs_out,
        tcpi_busy_time=tally.busy(now) // US,
        tcpi_rwnd_limited=tally.spent(RWND_LIMITED, now) // US,
        tcpi_sndbuf_limited=tally.spent(SNDBUF_LIMITED, now) // US,
        tcpi_delivered=delivered(tcb),
        tcpi_delivered_ce=tally.delivered_ce + accurate.delivered_ce,
        tcpi_bytes_retrans=tally.octets_resent,
        tcpi_dsack_dups=tcb.dsack_dups,
        tcpi_reord_seen=tcb.reordering.seen,
        tcpi_rcv_ooopack=tcb.rcv_ooopack,
        tcpi_fastopen_client_fail=_fast_open_failure(tcb),
        tcpi_rehash=timeouts.rehashes,
        tcpi_total_rto=timeouts.total,
        tcpi_total_rto_recoveries=timeouts.recoveries,
        tcpi_total_rto_time=timeouts.recovering(now) // _MILLISECOND,
        tcpi_received_ce=accurate.received_ce,  # this and what follows: of Accurate ECN only
        tcpi_delivered_e1_bytes=accurate.delivered[ECT_1],
        tcpi_delivered_e0_bytes=accurate.delivered[ECT_0],
        tcpi_delivered_ce_bytes=accurate.delivered[CE],
        tcpi_received_e1_bytes=accurate.received[ECT_1],
        tcpi_received_e0_bytes=accurate.received[ECT_0],
        tcpi_received_ce_bytes=accurate.received[CE],
        tcpi_accecn_fail_mode=accurate.failed,
        tcpi_accecn_opt_seen=accurate.seen,
    )
    if tcb.state is SYN_SENT or (tcb.state in {CLOSED, LISTEN} and not tcb.segs_out):
        _before_the_handshake(told, tcb)
    return told


def _before_the_handshake(told: TcpInfo, tcb: Tcb) -> None:
    """What Linux tells where nothing is agreed on yet: a SYN that was lost is a loss like any other."""
    if tcb.state is not SYN_SENT:
        told.tcpi_rcv_mss = told.tcpi_pmtu = told.tcpi_advmss = 0
        return
    told.tcpi_rcv_mss = _LEAST_RCV_MSS
    told.tcpi_advmss = negotiate.announced_mss(tcb)
    told.tcpi_rcv_ssthresh = window.first(tcb.config, tcb.options, told.tcpi_advmss)
    if tcb.rexmit_count:
        told.tcpi_ca_state, told.tcpi_lost, told.tcpi_retrans, told.tcpi_snd_cwnd = LOSS, 1, 1, 1


def _fast_open_failure(tcb: Tcb) -> int:
    """Why our SYN carried no data, though it should have, or in vain (RFC 7413); 0: it was not to, or it did."""
    option = tcb.fast_open_option
    if tcb.passive:
        return 0
    if option is not None and not option.cookie:
        return _COOKIE_UNAVAILABLE
    if tcb.syn_data and tcb.snd_una > tcb.iss and not tcb.syn_data_acked:
        return _SYN_RETRANSMITTED if tcb.syn_losses else _DATA_NOT_ACKED
    return 0


def delivered(tcb: Tcb) -> int:
    """Segments that have arrived as far as ACKs tell, the SYN included: of those that left, all that are not out."""
    if tcb.snd_una <= tcb.iss:
        return 0
    board = tcb.scoreboard
    left = 0 if tcb.tally is None else tcb.tally.first_segs_out
    return 1 + left - board.segs_out + board.segs_sacked


def account(tcb: Tcb, tally: Tally, now: int) -> None:
    """What sending waits for may have changed."""
    buffer = tcb.sendbuf
    end = buffer.end
    if end == buffer.start:
        mode = IDLE
    elif (unsent := end - tcb.snd_nxt) > 0:
        fits = tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt >= min(unsent, tcb.smss)
        mode = BUSY if fits else RWND_LIMITED
    else:
        mode = SNDBUF_LIMITED if tally.short_of_room and not tcb.cwnd_limited else BUSY
    if mode != tally.mode:
        tally.enter(mode, now)
