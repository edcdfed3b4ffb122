"""struct tcp_info: the offsets of include/uapi/linux/tcp.h."""

import struct
from dataclasses import fields

from netarium.socket.tcpinfo import pack_tcp_info
from netarium.transport.tcp.info import TcpInfo

# Offsets as pahole prints them for Linux 6.x.
OFFSETS = {
    "state": (0, "B"), "ca_state": (1, "B"), "retransmits": (2, "B"), "probes": (3, "B"), "backoff": (4, "B"),
    "options": (5, "B"), "rto": (8, "I"), "ato": (12, "I"), "snd_mss": (16, "I"), "rcv_mss": (20, "I"),
    "unacked": (24, "I"), "sacked": (28, "I"), "lost": (32, "I"), "retrans": (36, "I"), "last_data_sent": (44, "I"),
    "last_data_recv": (52, "I"), "pmtu": (60, "I"), "rcv_ssthresh": (64, "I"), "rtt": (68, "I"), "rttvar": (72, "I"),
    "snd_ssthresh": (76, "I"), "snd_cwnd": (80, "I"), "advmss": (84, "I"), "reordering": (88, "I"),
    "rcv_space": (96, "I"), "total_retrans": (100, "I"), "bytes_acked": (120, "Q"), "bytes_received": (128, "Q"),
    "segs_out": (136, "I"), "segs_in": (140, "I"), "notsent_bytes": (144, "I"), "min_rtt": (148, "I"),
    "fackets": (40, "I"), "last_ack_sent": (48, "I"), "last_ack_recv": (56, "I"), "rcv_rtt": (92, "I"),
    "pacing_rate": (104, "Q"), "max_pacing_rate": (112, "Q"), "data_segs_in": (152, "I"), "data_segs_out": (156, "I"),
    "busy_time": (168, "Q"), "rwnd_limited": (176, "Q"), "sndbuf_limited": (184, "Q"), "delivered": (192, "I"),
    "delivered_ce": (196, "I"), "bytes_retrans": (208, "Q"), "dsack_dups": (216, "I"), "reord_seen": (220, "I"),
    "rcv_ooopack": (224, "I"), "delivery_rate": (160, "Q"),
    "bytes_sent": (200, "Q"), "snd_wnd": (228, "I"), "rcv_wnd": (232, "I"), "rehash": (236, "I"),
    "total_rto": (240, "H"), "total_rto_recoveries": (242, "H"), "total_rto_time": (244, "I"), "received_ce": (248, "I"),
    "delivered_e1_bytes": (252, "I"), "delivered_e0_bytes": (256, "I"), "delivered_ce_bytes": (260, "I"),
    "received_e1_bytes": (264, "I"), "received_e0_bytes": (268, "I"), "received_ce_bytes": (272, "I"),
    "accecn_fail_mode": (276, "H"), "accecn_opt_seen": (278, "H"),
}  # fmt: skip


def test_every_field_stands_where_linux_has_it() -> None:
    names = [field.name for field in fields(TcpInfo)]
    info = TcpInfo(**{name: number for number, name in enumerate(names, 2)})
    octets = pack_tcp_info(info)
    for name in names:
        short = name.removeprefix("tcpi_")
        if short.endswith(("_wscale", "_app_limited", "_client_fail")):  # bits
            continue
        offset, kind = OFFSETS[short]
        assert struct.unpack_from("=" + kind, octets, offset)[0] == getattr(info, name), name
    assert octets[7] & 1 == info.tcpi_delivery_rate_app_limited & 1
    assert octets[7] >> 1 & 3 == info.tcpi_fastopen_client_fail & 3
    assert len(octets) == 280
    assert octets[6] == (info.tcpi_snd_wscale & 15) | (info.tcpi_rcv_wscale & 15) << 4


def test_numbers_that_do_not_fit_are_clipped() -> None:
    names = [field.name for field in fields(TcpInfo)]
    octets = pack_tcp_info(TcpInfo(**dict.fromkeys(names, 2**40)))
    assert struct.unpack_from("=I", octets, 76)[0] == 2**32 - 1
    assert struct.unpack_from("=H", octets, 240)[0] == 2**16 - 1
    assert struct.unpack_from("=Q", octets, 120)[0] == 2**40
