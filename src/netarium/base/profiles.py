"""Whole sets of TCP's settings by name: what a current Linux does, what FreeBSD does, what the RFCs say.

A profile is a `TcpConfig` and nothing else: take it as it is, or change single fields with `dataclasses.replace`. Each
field is explained where it is declared, in `config`; `docs/profiles.md` sets the profiles side by side.
"""

import errno
from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.errors import UsageError
from netarium.base.units import MS, SECOND

_FREEBSD: Final = TcpConfig(
    # options and windows
    option_order="freebsd",
    syn_linear_timeouts=0,
    initial_window_syn_losses=0,
    time_wait_reuse=0,
    receive_buffer=65_536,
    receive_buffer_max=2 * 1024 * 1024,
    receive_buffer_in_segments=True,
    window_scale_from_rcvbuf=False,
    doubled_buffers=False,
    window_by_segments=False,
    tolerate_missing_timestamp=False,
    # acknowledging
    quick_acks=0,
    ack_form="second",
    window_form="plain",
    compressed_sack_delay_ns=0,
    invalid_ratelimit_ns=0,
    half_open_syn="answer",
    trims_segments=True,
    undo_form="quick",
    send_buffer_form="steps",
    closed_window_pulls_back=True,
    sack_counts_fin=False,
    cwnd_form="octets",
    blackhole_by_stages=True,
    base_mss=1_200,
    resends_stream=True,
    close_forgets_half_open=True,
    shutdown_discards=True,
    cookie_holds_options=True,
    second_soft_error_ends=True,
    ecn_retries=1,
    resets_offer_window=False,
    syn_ack_text=True,
    wary_of_syn_acks=False,
    syn_ack_is_timed=False,
    window_updates_grow=True,
    backlog_and_half=True,
    abort_on_overflow=True,
    half_open_allowance=4_096,
    somaxconn=128,
    min_mss=216,
    fin_wait_2_by_keepalive=True,
    challenge_acks=5,
    old_acks_are_common=False,
    ack_required_first=False,
    fin_wait_2_record=False,
    # sending
    gathering=False,
    send_buffer_start=32_768,
    nagle_form="burst",
    plain_window_updates=True,
    abc_limit=2,
    # loss recovery
    rack=False,
    tail_loss_probe=False,
    frto=False,
    # timers
    retries_by_time=False,
    backoff_reverts=False,
    timeout_resets=True,
    min_rto_ns=30 * MS,
    min_rto_is_of_variance=False,
    rto_slop_ns=200 * MS,
    syn_timeout_rto_ns=0,
    max_rto_ns=64 * SECOND,
    syn_retries=12,
    r2_syn_ns=0,
    connect_timeout_ns=75 * SECOND,
    syn_ack_retries=3,
    data_retries=12,
    orphan_retries=12,
    probe_with_octet=True,
    persist_min_ns=5 * SECOND,
    persist_max_ns=60 * SECOND,
    persist_from_rtt=True,
    keepalive_always=True,
    keepalive_probes=8,
    soft_errors_end_connect=False,
    urgent_in_line=False,
    mtu_probing=0,  # net.inet.tcp.pmtud_blackhole_detection
    # ends and errors
    syn_ack_repeats_syn=False,
    syn_fin_opens=True,
    reset_after_shutdown=False,
    time_wait_exact_ack=True,
    reset_unread=False,
    syn_received_reset_errno=errno.ECONNREFUSED,
    close_wait_reset_errno=errno.ECONNRESET,
    error_after_end=True,
    socket_errors="freebsd",
    port_range=(10_000, 65_535),
)

_RFC: Final = TcpConfig(
    mss_of_path=False,
    resets_offer_window=False,
    syn_linear_timeouts=0,
    initial_window_syn_losses=0,
    soft_errors_end_connect=False,
    tolerate_missing_timestamp=False,
    initial_window_segments=4,
    initial_window_octets=4_380,
    quick_acks=0,
    delayed_ack_ns=200 * MS,
    strict_window=True,
    old_acks_are_common=False,
    ack_required_first=False,
    fin_wait_2_record=False,
    ack_form="full",
    window_form="plain",
    compressed_sack_delay_ns=0,
    gathering=False,
    send_buffer_start=131_072,
    nagle_form="classic",
    plain_window_updates=True,
    retries_by_time=False,
    min_rto_ns=1 * SECOND,
    min_rto_is_of_variance=False,
    msl_ns=120 * SECOND,
    probe_with_octet=True,
    syn_ack_repeats_syn=False,
    syn_fin_opens=True,
    syn_received_reset_errno=errno.ECONNREFUSED,
    close_wait_reset_errno=errno.ECONNRESET,
    reset_means_error_when_closing=False,
    error_after_end=True,
    half_open_syn="listen",
    ssthresh_from_flight_size=True,
    abc_limit=2,
)

PROFILES: Final[dict[str, TcpConfig]] = {
    "linux": TcpConfig(
        trim_to_window=False,
        rmem_max=4_194_304,
        wmem_max=4_194_304,
        half_open_allowance=0,
        half_open_gives_way=False,
        mtu_probing=0,
        mtu_probe_floor=48,
        urgent_in_line=False,
        urgent_octet=True,
        rfc1337=False,
        half_open_syn="reset",
        cubic_form="linux",
        tail_loss_probe_pushes=False,
    ),  # what `TcpConfig` changed for people without sysctls
    "freebsd": _FREEBSD,
    "rfc": _RFC,
}


def profile(name: str) -> TcpConfig:
    """The settings of a profile.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(PROFILES)
        raise UsageError(f"there is no profile {name!r}; there are {known}") from None
