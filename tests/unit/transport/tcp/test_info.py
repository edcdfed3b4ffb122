"""What TCP_INFO tells where it is more than a number that is kept anyway."""

from dataclasses import asdict

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, US
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import info
from netarium.transport.tcp.state import ESTABLISHED, SYN_SENT
from netarium.transport.tcp.tally import BUSY, IDLE, RWND_LIMITED, SNDBUF_LIMITED, Timeouts
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp_options import FastOpenOption

NOW = 1_000 * MS
COOKIE = FastOpenOption(b"12345678", experimental=False)


def established(version: int = 4) -> Tcb:
    tcb = Tcb(version, TcpConfig(), SocketOptions(), 1, "us", None)
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = 101
    tcb.smss = 1_000
    tcb.snd_wnd = 10_000
    tcb.state = ESTABLISHED
    return tcb


@pytest.mark.parametrize(
    ("written", "sent", "window", "short", "cwnd_limited", "mode"),
    [
        (0, 0, 10_000, True, False, IDLE),
        (1, 0, 0, False, False, RWND_LIMITED),
        (1, 0, 1, False, False, BUSY),
        (500, 0, 499, True, False, RWND_LIMITED),
        (500, 0, 500, True, False, BUSY),  # what is not sent yet fits
        (5_000, 2_000, 2_999, False, False, RWND_LIMITED),
        (5_000, 2_000, 3_000, False, False, BUSY),  # a segment of it does
        (5_000, 4_990, 4_999, False, False, RWND_LIMITED),
        (5_000, 4_990, 5_000, False, False, BUSY),
        (5_000, 5_000, 0, False, False, BUSY),
        (5_000, 5_000, 0, True, True, BUSY),
        (5_000, 5_000, 10_000, True, False, SNDBUF_LIMITED),
        (5_000, 5_001, 10_000, True, False, SNDBUF_LIMITED),  # and a FIN
    ],
)
def test_what_sending_waits_for(
    written: int, sent: int, window: int, short: bool, cwnd_limited: bool, mode: int
) -> None:
    tcb = established()
    tally = tcb.count()
    tcb.sendbuf.append(bytes(written))
    tcb.snd_nxt += sent
    tcb.snd_wnd, tcb.cwnd_limited, tally.short_of_room = window, cwnd_limited, short
    info.account(tcb, tally, NOW)
    assert tally.mode == mode
    info.account(tcb, tally, NOW + 5 * MS)  # nothing has changed: it is the same stretch
    assert tally.spent(mode, NOW + 7 * MS) == 7 * MS or mode == IDLE


def test_the_times_of_what_sending_waited_for() -> None:
    tcb = established()
    tally = tcb.count()
    for mode, us in ((BUSY, 3), (RWND_LIMITED, 50), (SNDBUF_LIMITED, 700)):
        tally.enter(mode, NOW)
        tally.enter(IDLE, NOW + us * US + 300)
    told = info.snapshot(tcb, NOW)
    assert (told.tcpi_busy_time, told.tcpi_rwnd_limited, told.tcpi_sndbuf_limited) == (753, 50, 700)
    tally.enter(SNDBUF_LIMITED, NOW)
    told = info.snapshot(tcb, NOW + 7_500)
    assert (told.tcpi_busy_time, told.tcpi_rwnd_limited, told.tcpi_sndbuf_limited) == (761, 50, 707)


@pytest.mark.rfc("7413", "4.2.1")
def test_why_a_syn_carried_no_data_or_in_vain() -> None:
    unavailable, not_acknowledged, lost = 1, 2, 3
    tcb = established()
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == 0
    tcb.fast_open_option = COOKIE._replace(cookie=b"")
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == unavailable
    tcb.fast_open_option = COOKIE
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == 0  # nothing was to be sent
    tcb.syn_data = 5
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == not_acknowledged
    tcb.syn_losses = 1
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == lost
    tcb.snd_una = tcb.iss
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == 0  # nobody knows yet
    tcb.snd_una = tcb.iss + 6
    tcb.syn_data_acked = True
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == 0
    tcb.syn_data_acked, tcb.passive = False, True
    assert info.snapshot(tcb, NOW).tcpi_fastopen_client_fail == 0


@pytest.mark.parametrize(
    ("field", "bit"),
    [("ts_ok", 1), ("sack_ok", 2), ("wscale_ok", 4), ("ecn_ok", 8), ("ecn_heard", 16), ("syn_data_acked", 32), ("fast_opened", 128)],
)  # fmt: skip
def test_each_option_has_a_bit(field: str, bit: int) -> None:
    tcb = established()
    assert info.snapshot(tcb, NOW).tcpi_options == 0
    setattr(tcb, field, True)
    assert info.snapshot(tcb, NOW).tcpi_options == bit


def test_times_and_sizes_are_in_linuxs_units() -> None:
    tcb = established(version=6)
    tcb.path_mss = 1_440
    tcb.last_sent_at, tcb.last_data_at, tcb.last_received_at = (
        NOW - 31 * MS + 1,
        NOW - 21 * MS + 1,
        NOW - 11 * MS + 1,
    )
    tcb.rcv_wind_shift, tcb.snd_wind_shift = 7, 3  # ours counts if both have it
    tcb.ato_ns, tcb.rcv_rtt, tcb.rtt.min_rtt, tcb.rtt.srtt, tcb.rtt.rto = (
        4 * US,
        5 * US,
        6 * US,
        7 * US,
        8 * US,
    )
    tcb.octets_received, tcb.rcv_fin, tcb.rcv_nxt = 50, 1_000, 1_000
    tcb.octets_sent, tcb.count().octets_resent = 300, 40
    tcb.persist_count = 2
    tcb.rtt.back_off()
    tcb.rtt.rto = 8 * US + 999
    tcb.congestion.cwnd, tcb.congestion.ssthresh = 12_999, 9_999
    tcb.count().timeouts = timeouts = Timeouts(2, 5 * MS + 999 * US)
    timeouts.another(NOW - 3 * MS)
    told = asdict(info.snapshot(tcb, NOW))
    assert {name: told["tcpi_" + name] for name in (
        "pmtu", "last_data_sent", "last_data_recv", "last_ack_recv", "rcv_wscale", "snd_wscale", "ato", "rcv_rtt", "min_rtt",
        "rtt", "rto", "bytes_received", "bytes_sent", "bytes_retrans", "backoff", "total_rto", "total_rto_recoveries",
        "total_rto_time", "rehash", "snd_cwnd", "snd_ssthresh",
    )} == {
        "pmtu": 1_500, "last_data_sent": 30, "last_data_recv": 20, "last_ack_recv": 10, "rcv_wscale": 0, "snd_wscale": 3,
        "ato": 4, "rcv_rtt": 5, "min_rtt": 6, "rtt": 7, "rto": 8, "bytes_received": 50, "bytes_sent": 340,
        "bytes_retrans": 40, "backoff": 3, "total_rto": 3, "total_rto_recoveries": 2, "total_rto_time": 8, "rehash": 1, "snd_cwnd": 12,
        "snd_ssthresh": 9,
    }  # fmt: skip
    tcb.rcv_nxt += 1
    assert info.snapshot(tcb, NOW).tcpi_bytes_received == 51  # the peer's FIN, too


def test_what_is_not_sent_yet_does_not_count_the_syn() -> None:
    tcb = established()
    tcb.sendbuf.append(bytes(70))
    tcb.snd_una = tcb.snd_nxt = tcb.iss
    assert info.snapshot(tcb, NOW).tcpi_notsent_bytes == 70
    tcb.snd_nxt = tcb.iss + 31
    assert info.snapshot(tcb, NOW).tcpi_notsent_bytes == 40
    tcb.snd_nxt = tcb.iss + 72  # the FIN is behind them
    assert info.snapshot(tcb, NOW).tcpi_notsent_bytes == 0


def test_a_syn_that_was_lost_is_a_loss_like_any_other() -> None:
    tcb = established()
    tcb.state, tcb.snd_una = SYN_SENT, tcb.iss
    tcb.scoreboard.add(100, 101, NOW)
    told = info.snapshot(tcb, NOW)
    assert (told.tcpi_ca_state, told.tcpi_lost, told.tcpi_retrans, told.tcpi_rcv_mss) == (0, 0, 0, 88)
    assert told.tcpi_delivered == 0
    tcb.rexmit_count = 1
    told = info.snapshot(tcb, NOW)
    assert (told.tcpi_ca_state, told.tcpi_lost, told.tcpi_retrans, told.tcpi_snd_cwnd) == (4, 1, 1, 1)
    assert told.tcpi_retransmits == 1
