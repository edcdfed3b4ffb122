"""TCP_INFO: a snapshot of a connection in the layout of Linux's `struct tcp_info` (include/uapi/linux/tcp.h)."""

from struct import Struct
from typing import Final

from netarium.transport.tcp.info import TcpInfo

# Fields in the order of the struct; "_" fields are bit-fields and padding made below.
_BYTES: Final = ("state", "ca_state", "retransmits", "probes", "backoff", "options")
_WORDS: Final = (
    "rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets", "last_data_sent",
    "last_ack_sent", "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh", "rtt", "rttvar", "snd_ssthresh",
    "snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space", "total_retrans",
)  # fmt: skip
_LONGS: Final = ("pacing_rate", "max_pacing_rate", "bytes_acked", "bytes_received")
_WORDS_2: Final = ("segs_out", "segs_in", "notsent_bytes", "min_rtt", "data_segs_in", "data_segs_out")
_LONGS_2: Final = (
    "delivery_rate", "busy_time", "rwnd_limited", "sndbuf_limited",
)  # fmt: skip
_WORDS_3: Final = ("delivered", "delivered_ce")
_LONGS_3: Final = ("bytes_sent", "bytes_retrans")
_WORDS_4: Final = ("dsack_dups", "reord_seen", "rcv_ooopack", "snd_wnd", "rcv_wnd", "rehash")

_SHORTS: Final = ("total_rto", "total_rto_recoveries")
_WORDS_5: Final = (
    "total_rto_time", "received_ce", "delivered_e1_bytes", "delivered_e0_bytes", "delivered_ce_bytes",
    "received_e1_bytes", "received_e0_bytes", "received_ce_bytes",
)  # fmt: skip
_SHORTS_2: Final = ("accecn_fail_mode", "accecn_opt_seen")

_LAYOUT: Final = Struct("=8B24I4Q6I4Q2I2Q6I2H8I2H")
_MASK16: Final = 0xFFFF
_MASK32: Final = 0xFFFF_FFFF


def pack_tcp_info(info: TcpInfo) -> bytes:
    """The struct's octets; what the snapshot does not know is 0."""

    def field(name: str) -> int:
        return int(getattr(info, "tcpi_" + name, 0))

    def words(names: tuple[str, ...]) -> list[int]:
        return [min(field(name), _MASK32) for name in names]

    wscale = field("snd_wscale") & 0xF | (field("rcv_wscale") & 0xF) << 4
    return _LAYOUT.pack(
        *(field(name) & 0xFF for name in _BYTES),
        wscale,
        field("delivery_rate_app_limited") & 1 | (field("fastopen_client_fail") & 3) << 1,
        *words(_WORDS),
        *map(field, _LONGS),
        *words(_WORDS_2),
        *map(field, _LONGS_2),
        *words(_WORDS_3),
        *map(field, _LONGS_3),
        *words(_WORDS_4),
        *(min(field(name), _MASK16) for name in _SHORTS),
        *words(_WORDS_5),
        *(min(field(name), _MASK16) for name in _SHORTS_2),
    )
