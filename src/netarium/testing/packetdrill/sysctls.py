"""The sysctls that scripts set: what each one changes in the configuration of the machine, or that it changes nothing.

Three kinds. One that the stack has as a setting of its own changes it. One whose effect cannot be seen on the wire, or
not in the world of a script (queueing disciplines, metrics kept for a next connection, memory of the whole machine),
is accepted and forgotten: those are in an explicit table. Of one that the stack has no choice about, only the value
that describes it is accepted. Everything else is refused.
"""

from dataclasses import replace
from typing import Final

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND, US
from netarium.testing.packetdrill.bsdsysctls import FREEBSD, HARMLESS_FAMILIES
from netarium.testing.packetdrill.sysctlkinds import Setter, changed, number
from netarium.testing.packetdrill.sysctlkinds import congestion as _congestion
from netarium.testing.packetdrill.sysctlkinds import harmless as _harmless
from netarium.testing.packetdrill.sysctlkinds import ip_field as _ip
from netarium.testing.packetdrill.sysctlkinds import number_of as _number
from netarium.testing.packetdrill.sysctlkinds import only as _only
from netarium.testing.packetdrill.sysctlkinds import truth as _truth

_OTHER_PROTOCOLS: Final = ("net.ipv6.", "net.mptcp.")


def assign(config: MachineConfig, name: str, value: str) -> MachineConfig | None:
    """What the configuration is after `name=value`; None: the name is not known.

    Raises:
        ValueError: the value is none of this name, or not the stack's.
    """
    setter = TABLE.get(name) or (
        _harmless if name.startswith((*HARMLESS_FAMILIES, *_OTHER_PROTOCOLS)) else None
    )
    return None if setter is None else setter(config, value.strip())


def _triple(value: str) -> tuple[int, int, int]:
    least, default, most = (number(word) for word in value.replace(",", " ").split())
    if not 0 < least <= most or default <= 0:
        raise ValueError("three sizes, from the least to the most, are expected")
    return least, default, most


def _receive_memory(config: MachineConfig, value: str) -> MachineConfig:
    _, default, most = _triple(value)
    return replace(
        config, tcp=replace(config.tcp, receive_buffer=default, receive_buffer_max=max(default, most))
    )


def _send_memory(config: MachineConfig, value: str) -> MachineConfig:
    _, default, most = _triple(value)
    return replace(config, tcp=replace(config.tcp, send_buffer_start=default, send_buffer=max(default, most)))


def _ports(config: MachineConfig, value: str) -> MachineConfig:
    low, high = (number(word) for word in value.split())
    if not 0 < low <= high <= 0xFFFF:
        raise ValueError("two ports are expected")
    return changed(config, "port_range", (low, high))


def _recovery(config: MachineConfig, value: str) -> MachineConfig:
    """Bits: 1 RACK, 2 its reordering window does not adapt, 4 nor ends by DupThresh."""
    bits = number(value)
    config = changed(config, "rack", bool(bits & 1))
    return changed(changed(config, "rack_adapts", not bits & 2), "rack_ignores_dupthresh", bool(bits & 4))


def _early_retrans(config: MachineConfig, value: str) -> MachineConfig:
    """3 and 4 are tail loss probes; what lower values did is gone from Linux."""
    return changed(config, "tail_loss_probe", number(value) in {3, 4})


def _fin_timeout(config: MachineConfig, value: str) -> MachineConfig:
    return changed(config, "fin_wait_2_timeout_ns", number(value) * SECOND)


def _syn_retries(config: MachineConfig, value: str) -> MachineConfig:
    """So often and no more, however short that is (RFC 9293 MUST-23 asks for three minutes)."""
    return replace(config, tcp=replace(config.tcp, syn_retries=number(value), r2_syn_ns=0))


def _fast_open_key(config: MachineConfig, value: str) -> MachineConfig:
    """One key or two, each of four words in hexadecimal digits: a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4."""
    keys = value.split(",")
    words = [key.split("-") for key in keys]
    if len(keys) > 2 or any(len(each) != 4 for each in words):
        raise ValueError("one or two keys of four words are expected")
    octets = b"".join(int(word, 16).to_bytes(4, "little") for each in words for word in each)
    return changed(config, "fast_open_key", octets)


def _notsent_lowat(config: MachineConfig, value: str) -> MachineConfig:
    """Octets; all ones: no limit, and so no octet at all, which would stop everything."""
    octets = number(value) & 0xFFFF_FFFF
    return changed(config, "notsent_lowat", 0 if octets == 0xFFFF_FFFF else octets or 1)


def _hystart(config: MachineConfig, value: str) -> MachineConfig:
    """A parameter of Linux's module: both signs, or none."""
    return changed(config, "hystart_signs", 3 if number(value) else 0)


_CUBIC: Final[dict[str, Setter]] = {
    "hystart": _hystart,
    "hystart_detect": _number("hystart_signs"),
    "hystart_low_window": _only("16"),
    "hystart_ack_delta_us": _only("2000"),
    "fast_convergence": _only("1"),
    "beta": _only("717"),
    "initial_ssthresh": _only("0"),
    "bic_scale": _only("41"),
    "tcp_friendliness": _only("1"),
}

# --- the table --------------------------------------------------------------------------------------------------

_LINUX_TCP: Final[dict[str, Setter]] = {
    # as a setting of the stack
    "sack": _truth("sack"),
    "timestamps": _truth("timestamps"),
    "window_scaling": _truth("window_scaling"),
    "syn_retries": _syn_retries,
    "synack_retries": _number("syn_ack_retries"),
    "retries1": _number("r1_retries"),
    "retries2": _number("data_retries"),
    "orphan_retries": _number("orphan_retries"),
    "fin_timeout": _fin_timeout,
    "keepalive_time": _number("keepalive_idle_ns", SECOND),
    "keepalive_intvl": _number("keepalive_interval_ns", SECOND),
    "keepalive_probes": _number("keepalive_probes"),
    "reordering": _number("dupthresh"),
    "max_syn_backlog": _number("max_half_open"),
    "max_tw_buckets": _number("max_time_wait"),
    "rto_max_ms": _number("max_rto_ns", MS),
    "rmem": _receive_memory,
    "wmem": _send_memory,
    "congestion_control": _congestion,
    "min_snd_mss": _number("min_mss"),
    "recovery": _recovery,
    "early_retrans": _early_retrans,
    "comp_sack_delay_ns": _number("compressed_sack_delay_ns"),
    "comp_sack_nr": _number("compressed_sack_segments"),
    "dsack": _truth("dsack"),
    "ecn": _number("ecn", most=5),
    "ecn_option": _number("ecn_option", most=3),
    "ecn_option_beacon": _number("ecn_option_beacon", most=3),
    "min_tso_segs": _number("chunk_segments"),
    "tso_rtt_log": _number("chunk_rtt_log"),
    "pacing_ss_ratio": _number("pacing_ss_percent"),
    "pacing_ca_ratio": _number("pacing_ca_percent"),
    "ecn_fallback": _truth("ecn_fallback"),
    "invalid_ratelimit": _number("invalid_ratelimit_ns", MS),
    "abort_on_overflow": _truth("abort_on_overflow"),
    "fastopen": _number("fast_open"),
    "fastopen_blackhole_timeout_sec": _number("fast_open_blackhole_ns", SECOND),
    "fastopen_key": _fast_open_key,
    "slow_start_after_idle": _truth("slow_start_after_idle"),
    "frto": _truth("frto"),
    "max_reordering": _number("max_reordering"),
    "rfc1337": _truth("rfc1337"),
    "syncookies": _number("syn_cookies"),
    "syn_linear_timeouts": _number("syn_linear_timeouts"),
    "tw_reuse": _number("time_wait_reuse"),
    "rto_min_us": _number("min_rto_ns", US),
    "mtu_probing": _number("mtu_probing"),
    "base_mss": _number("base_mss"),
    "mtu_probe_floor": _number("mtu_probe_floor"),
    "probe_threshold": _number("mtu_probe_threshold"),
    "probe_interval": _number("mtu_probe_interval_ns", SECOND),
    # not to be seen: autotuning's speed, memory of the machine, pacing of a device, metrics of other connections
    **dict.fromkeys(
        (
            "adv_win_scale", "allowed_congestion_control", "app_win", "available_congestion_control",
            "available_ulp", "child_ehash_entries", "comp_sack_slack_ns",
            "comp_sack_rtt_percent", "ehash_entries", "fwmark_accept", "l3mdev_accept", "limit_output_bytes",
            "low_latency", "max_orphans", "mem", "min_rtt_wlen", "moderate_rcvbuf",
            "no_ssthresh_metrics_save", "tso_win_divisor", "backlog_ack_defer",
            "migrate_req", "plb_enabled", "plb_cong_thresh", "plb_idle_rehash_rounds", "plb_rehash_rounds",
            "plb_suspend_rto_sec", "rcvbuf_low_rtt",
        ),
        _harmless,
    ),
    "no_metrics_save": _only("0", "1"),  # nothing is ever kept
    "autocorking": _only("0", "1"),  # nothing of ours ever waits in a queue of the device
    "challenge_ack_limit": _only("1000", "2147483647"),  # each connection has a limit of its own, which is less
    "retrans_collapse": _only("0", "1"),
    "shrink_window": _truth("shrink_window"),
    "notsent_lowat": _notsent_lowat,
    "reflect_tos": _truth("reflect_tos"),
    "pingpong_thresh": _only("1"),
    "workaround_signed_windows": _only("0"),
    "stdurg": _only("0"),
    "thin_linear_timeouts": _truth("thin_linear_timeouts"),
    "thin_dupack": _only("0", "1"),  # does nothing any more
    "fack": _only("0", "1"),  # Linux does not look at it either, since 4.15
}  # fmt: skip

_LINUX: Final[dict[str, Setter]] = {
    "net.ipv4.ip_default_ttl": _ip("default_ttl"),
    "net.ipv4.ip_forward": _ip("forwarding"),
    "net.ipv4.ip_local_port_range": _ports,
    "net.ipv4.ip_no_pmtu_disc": _only("0"),
    "net.ipv4.ip_nonlocal_bind": _only("0"),
    "net.ipv4.ip_local_reserved_ports": _harmless,
    "net.ipv4.ip_unprivileged_port_start": _harmless,
    "net.ipv4.icmp_echo_ignore_all": _only("0"),
    "net.ipv4.icmp_ratelimit": _harmless,
    "net.ipv4.icmp_ratemask": _harmless,
    "net.ipv4.icmp_msgs_per_sec": _ip("icmp_errors_per_second"),
    "net.ipv4.icmp_msgs_burst": _ip("icmp_errors_burst"),
    "net.ipv4.route.min_pmtu": _ip("min_pmtu"),
    "net.ipv4.route.mtu_expires": _ip("pmtu_lifetime_ns", SECOND),
    "net.ipv4.route.min_adv_mss": _harmless,  # far below what a script's device has
    "net.ipv4.route.flush": _harmless,
    "net.core.somaxconn": _number("somaxconn"),
    "net.core.rmem_max": _number("rmem_max"),
    "net.core.wmem_max": _number("wmem_max"),
    **dict.fromkeys(
        (
            "net.core.default_qdisc", "net.core.rmem_default",
            "net.core.wmem_default", "net.core.optmem_max", "net.core.netdev_max_backlog", "net.core.netdev_budget",
            "net.core.busy_poll", "net.core.busy_read", "net.core.high_order_alloc_disable",
            "net.core.gro_normal_batch", "net.core.skb_defer_max", "net.core.txrehash", "net.core.warnings",
            "kernel.timer_migration", "net.ipv4.fwmark_reflect", "net.ipv4.tcp_early_demux", "net.ipv4.ip_early_demux",
            "net.ipv4.udp_early_demux", "net.ipv4.tcp_tw_reuse_delay", "net.ipv4.udp_mem", "net.ipv4.udp_rmem_min", "net.ipv4.udp_wmem_min",
            "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter", "kernel.printk",
            "net.ipv4.tcp_fastopen_blackhole_detect_timeout_sec",
        ),
        _harmless,
    ),
}  # fmt: skip

TABLE: Final[dict[str, Setter]] = {
    **{f"net.ipv4.tcp_{name}": setter for name, setter in _LINUX_TCP.items()},
    **_LINUX,
    **{f"sys.module.tcp_cubic.parameters.{name}": setter for name, setter in _CUBIC.items()},
    **FREEBSD,
}
