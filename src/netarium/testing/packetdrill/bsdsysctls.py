"""FreeBSD's sysctls: those that the stack has as a setting, those that no script can see, and the values that describe it."""

from dataclasses import replace
from typing import Final

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.testing.packetdrill.sysctlkinds import (
    Setter,
    changed,
    congestion,
    falsehood,
    harmless,
    ip_field,
    number,
    number_of,
    only,
    truth,
)

# Whole families: other stacks, and what is remembered of other connections, which a script has none of.
HARMLESS_FAMILIES: Final = (
    "net.inet.tcp.hostcache.", "net.inet.tcp.functions_", "net.inet.tcp.rack.", "net.inet.tcp.bbr.",
    "net.inet.tcp.hpts.", "net.inet.tcp.lro.", "net.inet.tcp.bb.", "net.inet.sctp.", "net.inet.udp.",
    "net.inet6.", "kern.ipc.tls.",
)  # fmt: skip


def _rfc1323(config: MachineConfig, value: str) -> MachineConfig:
    """FreeBSD's switch for both halves of RFC 7323: 0 none, 1 both, 2 window scaling, 3 timestamps."""
    choice = number(value)
    if not 0 <= choice <= 3:
        raise ValueError("0, 1, 2 or 3 is expected")
    return changed(changed(config, "window_scaling", choice in {1, 2}), "timestamps", choice in {1, 3})


def _classic_ecn(config: MachineConfig, value: str) -> MachineConfig:
    """0 off, 1 ask and agree, 2 agree: as Linux. More would be Accurate ECN, for which FreeBSD has other numbers."""
    if number(value) not in {0, 1, 2}:
        raise ValueError("Accurate ECN is not understood")
    return changed(config, "ecn", number(value))


def _initial_window(config: MachineConfig, value: str) -> MachineConfig:
    """So many segments (RFC 6928); 0: RFC 3390's window."""
    segments = number(value)
    octets = 0 if segments else _RFC3390_OCTETS
    tcp = replace(config.tcp, initial_window_segments=segments or 4, initial_window_octets=octets)
    return replace(config, tcp=tcp)


def least_mss(config: MachineConfig, value: str) -> MachineConfig:
    """What a peer, or a router by its MTU, may ask for at the least."""
    config = changed(config, "min_mss", number(value))
    return replace(config, ip=replace(config.ip, min_pmtu=number(value) + _HEADERS))


def _delayed_ack(config: MachineConfig, value: str) -> MachineConfig:
    """0: never; else as long as before, or FreeBSD's 40 ms."""
    if not number(value):
        return changed(config, "delayed_ack_ns", 0)
    return changed(config, "delayed_ack_ns", config.tcp.delayed_ack_ns or 40 * MS)


def _long_queue(config: MachineConfig, value: str) -> MachineConfig:
    """Segments that may wait out of order: FreeBSD's 100 and more no script fills; here octets are limited."""
    if number(value) < _QUEUE:
        raise ValueError(f"only {_QUEUE} and more describe the stack")
    return config


def _cookies(config: MachineConfig, value: str) -> MachineConfig:
    return changed(config, "syn_cookies", min(max(config.tcp.syn_cookies, 1), 2) if number(value) else 0)


def _cookies_only(config: MachineConfig, value: str) -> MachineConfig:
    return changed(config, "syn_cookies", 2 if number(value) else min(config.tcp.syn_cookies, 1))


def _retries(config: MachineConfig, value: str) -> MachineConfig:
    return changed(changed(config, "data_retries", number(value)), "syn_retries", number(value))


def _bits(*bits: int) -> Setter:
    """Some of the bits of `TcpConfig.fast_open`."""
    mask = sum(bits)

    def change(config: MachineConfig, value: str) -> MachineConfig:
        others = config.tcp.fast_open & ~mask
        return changed(config, "fast_open", others | (mask if number(value) else 0))

    return change


def _fast_open_key(config: MachineConfig, value: str) -> MachineConfig:
    key = bytes.fromhex(value)
    if len(key) != 16:
        raise ValueError("16 octets in hexadecimal digits are expected")
    return changed(config, "fast_open_key", key + config.tcp.fast_open_key[:16])


_RFC3390_OCTETS: Final = 4_380
_HEADERS: Final = 40
_QUEUE: Final = 100
_CLIENT, _SERVER, _ANY_COOKIE = 1, 2, 0x200

FREEBSD: Final[dict[str, Setter]] = {
    "net.inet.tcp.sack.enable": truth("sack"),
    "net.inet.tcp.rfc1323": _rfc1323,
    "net.inet.tcp.always_keepalive": truth("keepalive_always"),
    "net.inet.tcp.syncache.rexmtlimit": number_of("syn_ack_retries"),
    "net.inet.tcp.keepinit": number_of("connect_timeout_ns", MS),
    "net.inet.tcp.persmin": number_of("persist_min_ns", MS),
    "net.inet.tcp.persmax": number_of("persist_max_ns", MS),
    "net.inet.tcp.ecn.enable": _classic_ecn,
    "net.inet.tcp.cc.algorithm": lambda config, value: congestion(config, {"newreno": "reno"}.get(value, value)),
    "net.inet.tcp.keepidle": number_of("keepalive_idle_ns", MS),
    "net.inet.tcp.keepintvl": number_of("keepalive_interval_ns", MS),
    "net.inet.tcp.keepcnt": number_of("keepalive_probes"),
    "net.inet.tcp.delacktime": number_of("delayed_ack_ns", MS),
    "net.inet.tcp.rexmit_min": number_of("min_rto_ns", MS),
    "net.inet.tcp.rexmit_initial": number_of("initial_rto_ns", MS),
    "net.inet.tcp.rexmit_slop": number_of("rto_slop_ns", MS),
    "net.inet.tcp.msl": number_of("msl_ns", MS),
    "net.inet.tcp.finwait2_timeout": number_of("fin_wait_2_timeout_ns", MS),
    "net.inet.tcp.recvspace": number_of("receive_buffer"),
    "net.inet.tcp.sendspace": number_of("send_buffer_start"),
    "net.inet.tcp.sendbuf_max": number_of("send_buffer"),
    "net.inet.tcp.sendbuf_auto": lambda config, value: changed(
        config, "send_buffer_form", "steps" if number(value) else "fixed"
    ),
    "net.inet.ip.ttl": ip_field("default_ttl"),
    "kern.ipc.somaxconn": number_of("somaxconn"),
    "kern.ipc.soacceptqueue": number_of("somaxconn"),
    "net.inet.tcp.functions_default": only("freebsd"),
    "net.inet.tcp.maxtcptw": number_of("max_time_wait"),
    "net.inet.tcp.pmtud_blackhole_detection": number_of("mtu_probing"),
    "net.inet.tcp.rfc3042": truth("limited_transmit"),
    "net.inet.tcp.do_prr": only("1"),
    "net.inet.tcp.newcwv": only("0"),
    "net.inet.tcp.insecure_rst": truth("resets_in_window"),
    "net.inet.tcp.ack_war_cnt": number_of("challenge_acks"),
    "net.inet.tcp.ack_war_timewindow": number_of("challenge_acks_ns", MS),
    "net.inet.tcp.ack_war_time_window": number_of("challenge_acks_ns", MS),
    "net.inet.tcp.tolerate_missing_ts": truth("tolerate_missing_timestamp"),
    "net.inet.tcp.insecure_syn": truth("syns_in_window"),
    "net.inet.tcp.fast_finwait2_recycle": falsehood("fin_wait_2_by_keepalive"),
    "net.inet.tcp.syncache.rst_on_sock_fail": truth("abort_on_overflow"),
    "net.inet.tcp.minmss": least_mss,
    "kern.ipc.maxsockbuf": number_of("receive_buffer_max"),
    "net.inet.tcp.sack.revised": only("1"),
    "net.inet.udp.blackhole": only("0"),
    "net.inet.udp.checksum": only("1"),
    "net.inet.tcp.tso": harmless,
    "net.inet.tcp.path_mtu_discovery": only("0", "1"),  # a bit of the IP header, which no script sees
    "net.inet.tcp.drop_synfin": falsehood("syn_fin_opens"),
    "net.inet.tcp.sack_enable": truth("sack"),
    "net.inet.tcp.reass.maxqueuelen": _long_queue,
    "net.inet.tcp.mssdflt": number_of("default_mss"),
    "net.inet.tcp.initcwnd_segments": _initial_window,
    "net.inet.tcp.delayed_ack": _delayed_ack,
    "net.inet.tcp.syncookies": _cookies,
    "net.inet.tcp.syncookies_only": _cookies_only,
    "net.inet.tcp.blackhole": number_of("blackhole"),
    "net.inet.tcp.rfc3390": only("0", "1"),  # the initial window has its own: initcwnd_segments
    "net.inet.tcp.rfc3465": lambda config, value: changed(config, "abc_limit", 2 if number(value) else 1),
    "net.inet.tcp.abc_l_var": number_of("abc_limit"),
    "net.inet.tcp.ecn.maxretries": number_of("ecn_retries"),
    "net.inet.tcp.insecure_ack": truth("acks_from_anywhere"),
    "net.inet.tcp.icmp_may_rst": truth("icmp_ends_connect"),
    "net.inet.tcp.rexmit_drop_options": truth("third_syn_is_plain"),
    "net.inet.tcp.retries": _retries,
    "net.inet.tcp.maxunacktime": only("0"),
    "net.inet.tcp.do_lrd": only("0", "1"),  # without it a lost retransmission waits for the timeout, as here
    "net.inet.tcp.sack.lrd": only("0", "1"),
    "net.inet.tcp.sack.prr": only("1"),
    "net.inet.tcp.newcwd": only("0"),
    "net.inet.tcp.cc.abe": only("0"),
    "net.inet.tcp.cc.hystartplusplus.minrtt_thresh": only("4000"),
    "net.inet.tcp.cc.hystartplusplus.maxrtt_thresh": only("16000"),
    "net.inet.tcp.cc.hystartplusplus.n_rttsamples": only("8"),
    "net.inet.tcp.cc.hystartplusplus.css_growth_div": only("4"),
    "net.inet.tcp.cc.hystartplusplus.css_rounds": only("5"),
    "net.inet.tcp.cc.abe_frlossreduce": only("0"),
    "net.inet.tcp.cc.newreno.beta": only("50"),
    "net.inet.tcp.cc.newreno.beta_ecn": only("80"),  # without cc.abe it has no say
    "net.inet.tcp.pmtud_blackhole_mss": number_of("base_mss"),
    "net.inet.tcp.v6pmtud_blackhole_mss": harmless,
    "net.inet.tcp.fastopen.enabled": _bits(_CLIENT, _SERVER),  # before 12
    "net.inet.tcp.fastopen.client_enable": _bits(_CLIENT),
    "net.inet.tcp.fastopen.server_enable": _bits(_SERVER),
    "net.inet.tcp.fastopen.acceptany": _bits(_ANY_COOKIE),
    "net.inet.tcp.fastopen.setkey": _fast_open_key,
    "net.inet.tcp.fastopen.psk_enable": only("0"),
    "net.inet.tcp.fastopen.path_disable_time": number_of("fast_open_blackhole_ns", SECOND),
    "net.inet.ip.forwarding": ip_field("forwarding"),
    **dict.fromkeys(
        (
            "kern.ipc.maxsockets", "kern.ipc.nmbclusters", "kern.ipc.numopensockets", "kern.ipc.sockbuf_waste_factor",
            "kern.ipc.tls.enable", "kern.timecounter.alloweddeviation", "net.inet.icmp.bmcastecho",
            "net.inet.icmp.drop_redirect", "net.inet.icmp.icmplim", "net.inet.icmp.icmplim_jitter",
            "net.inet.icmp.icmplim_output", "net.inet.icmp.log_redirect", "net.inet.icmp.maskrepl",
            "net.inet.icmp.quotelen", "net.inet.icmp.reply_from_interface", "net.inet.icmp.reply_src",
            "net.inet.icmp.rfi", "net.inet.icmp.tstamprepl", "net.inet.ip.accept_sourceroute",
            "net.inet.ip.check_interface", "net.inet.ip.fastforwarding", "net.inet.ip.portrange.first",
            "net.inet.ip.portrange.hifirst", "net.inet.ip.portrange.hilast", "net.inet.ip.portrange.last",
            "net.inet.ip.portrange.randomcps", "net.inet.ip.portrange.randomized", "net.inet.ip.portrange.randomtime",
            "net.inet.ip.portrange.reservedhigh", "net.inet.ip.portrange.reservedlow", "net.inet.ip.random_id",
            "net.inet.ip.redirect", "net.inet.ip.rfc6864", "net.inet.ip.sourceroute", "net.inet.tcp.bb.log_verbose",
            "net.inet.tcp.blackhole_local", "net.inet.tcp.cc.available", "net.inet.tcp.cc.hystartplusplus.bblogs",
            "net.inet.tcp.msl_local", "net.inet.tcp.switch_to_ifnet_tls", "net.inet.tcp.disable_tcp_accounting", "net.inet.tcp.do_prr_conservative",
            "net.inet.tcp.do_tcpdrain", "net.inet.tcp.ecn.generalized", "net.inet.tcp.fastopen.autokey",
            "net.inet.tcp.fastopen.ccache_bucket_limit", "net.inet.tcp.fastopen.ccache_buckets",
            "net.inet.tcp.fastopen.keylen", "net.inet.tcp.fastopen.maxkeys", "net.inet.tcp.fastopen.maxpsks",
            "net.inet.tcp.fastopen.numkeys", "net.inet.tcp.fastopen.numpsks", "net.inet.tcp.inflight.enable",
            "net.inet.tcp.isn_reseed_interval", "net.inet.tcp.log_debug", "net.inet.tcp.log_in_vain",
            "net.inet.tcp.map_limit", "net.inet.tcp.nolocaltimewait", "net.inet.tcp.pacing_limit",
            "net.inet.tcp.pcbcount", "net.inet.tcp.per_cpu_timers", "net.inet.tcp.reass.cursegments",
             "net.inet.tcp.reass.maxsegments", "net.inet.tcp.reass.new_limit",
            "net.inet.tcp.reass.queueguard", "net.inet.tcp.recvbuf_auto", "net.inet.tcp.recvbuf_inc",
            "net.inet.tcp.recvbuf_max", "net.inet.tcp.require_unique_port", "net.inet.tcp.rfc6675_pipe",
            "net.inet.tcp.sack.globalmaxholes", "net.inet.tcp.sack.maxholes", "net.inet.tcp.sack.tso",
             "net.inet.tcp.sendbuf_auto_lowat", "net.inet.tcp.sendbuf_inc",
             "net.inet.tcp.soreceive_stream", "net.inet.tcp.split_limit",
            "net.inet.tcp.stacks", "net.inet.tcp.syncache.bucketlimit", "net.inet.tcp.syncache.cachelimit",
            "net.inet.tcp.syncache.count", "net.inet.tcp.syncache.hashsize", "net.inet.tcp.syncache.see_other",
            "net.inet.tcp.tcbhashsize", "net.inet.tcp.ts_offset_per_conn", "net.inet.tcp.udp_tunneling_overhead",
            "net.inet.tcp.udp_tunneling_port", "net.inet.tcp.v6mssdflt", "net.inet.udp.log_in_vain",
            "net.inet.udp.maxdgram", "net.inet.udp.recvspace", "net.inet6.ip6.forwarding", "net.inet6.ip6.v6only",
            "net.isr.dispatch", "net.link.tun.devfs_cloning", "security.bsd.see_other_gids",
            "security.bsd.see_other_uids",
        ),
        harmless,
    ),
}  # fmt: skip
