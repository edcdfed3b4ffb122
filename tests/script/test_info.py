"""TCP_INFO, every field of it, as a connection goes on."""

from dataclasses import asdict
from typing import Any

import pytest

from netarium.base.units import MS
from netarium.transport.tcp.info import TcpInfo
from netarium.wire.tcp import ACK, PSH, SYN

from .conftest import Script

UNLIMITED = 0xFFFF_FFFF_FFFF_FFFF
FRESH = {
    "state": 7, "rto": 1_000_000, "snd_mss": 536, "rttvar": 250_000, "min_rtt": 0xFFFF_FFFF, "snd_cwnd": 10,
    "snd_ssthresh": 0x7FFF_FFFF, "reordering": 3, "pacing_rate": UNLIMITED, "max_pacing_rate": UNLIMITED,
}  # fmt: skip


class Watch:
    """What changed in TCP_INFO since one last looked."""

    def __init__(self, tcp: Script) -> None:
        self.tcp = tcp
        self.last = dict.fromkeys(asdict(tcp.socket.info(tcp.now)), 0)

    def news(self) -> dict[str, Any]:
        info = self.tcp.socket.info(self.tcp.now)
        assert isinstance(info, TcpInfo)
        last, self.last = self.last, asdict(info)
        return {k.removeprefix("tcpi_"): v for k, v in self.last.items() if v != last[k]}


def test_every_field_of_a_connection_that_sends(tcp: Script) -> None:
    watch = Watch(tcp)
    assert watch.news() == FRESH
    tcp.connect()
    assert watch.news() == {
        "state": 2, "unacked": 1, "segs_out": 1, "pmtu": 1_500, "snd_mss": 524, "rcv_mss": 88, "advmss": 1_460,
        "rcv_ssthresh": 64_240, "rcv_wnd": 64_240,
    }  # fmt: skip
    tcp.advance(20 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, window=8_000, sack_permitted=True, wscale=2)
    news = watch.news()
    assert news.pop("rcv_ssthresh") > 60_000
    assert news == {
        "state": 1, "options": 2 | 4, "snd_wscale": 2, "rcv_wscale": 7, "snd_mss": 1_000, "rcv_mss": 536, "unacked": 0,
        "rtt": 20_000, "rttvar": 10_000, "min_rtt": 20_000, "rto": 220_000, "rcv_space": 14_600,
        "snd_wnd": 8_000, "rcv_wnd": 64_256, "segs_in": 1, "segs_out": 2, "delivered": 1, "bytes_acked": 1,
        "pacing_rate": 2 * 10 * 1_000 * 50,
    }  # fmt: skip
    tcp.send(b"x" * 5_000)
    assert watch.news() == {"unacked": 5, "bytes_sent": 5_000, "segs_out": 7, "data_segs_out": 5}
    tcp.advance(30 * MS)
    tcp.inject(ACK, seq=301, ack=1_101, window=2_000)
    assert watch.news() == {
        "unacked": 4, "segs_in": 2, "bytes_acked": 1_001, "delivery_rate": 33_333, "delivered": 2, "busy_time": 30_000,
        "rtt": 21_250, "rto": 221_250, "pacing_rate": 941_176, "last_data_sent": 30, "last_data_recv": 30,
    }  # fmt: skip


def test_every_field_of_a_connection_that_receives(tcp: Script) -> None:
    tcp.established(sack_permitted=True)
    watch = Watch(tcp)
    watch.news()
    tcp.advance(100 * MS)
    tcp.inject(ACK | PSH, seq=301, ack=101, data=bytes(900))
    news = watch.news()
    assert news.pop("rcv_wnd") > 60_000
    assert news.pop("rcv_ssthresh", 0) >= 0
    assert news == {
        "last_data_sent": 100, "ato": 40_000, "rcv_mss": 900, "bytes_received": 900, "segs_in": 2, "segs_out": 3, "data_segs_in": 1,
    }  # fmt: skip
    tcp.inject(ACK | PSH, seq=2_201, ack=101, data=bytes(100))
    assert watch.news() == {"segs_in": 3, "segs_out": 4, "data_segs_in": 2, "rcv_ooopack": 1}
    tcp.advance(50 * MS)
    tcp.inject(ACK, seq=1_201, ack=101)
    assert watch.news() == {"segs_in": 4, "last_data_recv": 50, "last_data_sent": 150}
    tcp.inject(ACK | PSH, seq=1_201, ack=101, data=bytes(1_000))
    news = watch.news()
    assert (news["bytes_received"], news["segs_in"], news["last_data_recv"]) == (2_000, 5, 0)
    tcp.advance(40 * MS)
    assert watch.news()["last_ack_recv"] == 40


def test_every_field_of_a_connection_that_loses(tcp: Script) -> None:
    tcp.connect()
    tcp.advance(20 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, window=8_000, sack_permitted=True)
    tcp.send(b"x" * 4_000)
    watch = Watch(tcp)
    watch.news()
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=101, sack=[(2_101, 4_101)], window=8_000)
    news = watch.news()
    assert {k: news[k] for k in ("ca_state", "sacked", "delivered", "busy_time")} == {
        "ca_state": 1, "sacked": 2, "delivered": 3, "busy_time": 20_000,
    }  # fmt: skip
    tcp.advance(10 * MS)
    assert watch.news() == {
        "ca_state": 3, "lost": 2, "retrans": 1, "total_retrans": 1, "bytes_retrans": 1_000, "bytes_sent": 5_000, "snd_ssthresh": 7,
        "snd_cwnd": 1, "segs_out": 7, "data_segs_out": 5, "busy_time": 30_000, "last_data_sent": 3,
        "last_data_recv": 30, "last_ack_recv": 10, "pacing_rate": watch.last["tcpi_pacing_rate"],
    }  # fmt: skip
    tcp.inject(ACK, seq=301, ack=4_101, window=8_000)
    news = watch.news()
    assert {k: v for k, v in news.items() if k not in {"pacing_rate", "rtt", "rttvar", "rto"}} == {
        "ca_state": 0, "unacked": 0, "lost": 0, "retrans": 0, "sacked": 0, "snd_cwnd": 7, "segs_in": 3,
        "bytes_acked": 4_001, "delivered": 5, "last_ack_recv": 0, "reord_seen": 1, "delivery_rate": 66_666,
    }  # fmt: skip
    tcp.inject(ACK, seq=301, ack=4_101, window=0, sack=[(101, 1_101)])
    news = watch.news()
    assert (news["dsack_dups"], news["snd_wnd"], news["segs_in"]) == (1, 0, 4)
    assert news["snd_ssthresh"] == 0x7FFF_FFFF  # it was no loss
    tcp.send(b"z" * 100)
    tcp.advance(700 * MS)
    news = watch.news()
    assert (news["probes"], news["notsent_bytes"], news["rwnd_limited"]) == (2, 100, 700_000)
    assert (news["busy_time"], news["last_ack_recv"]) == (730_000, 700)


@pytest.mark.parametrize(
    ("options", "bits"),
    [({}, 0), ({"ts": (1, 0)}, 1), ({"sack_permitted": True}, 2), ({"wscale": 3}, 4)],
)
def test_the_bits_of_the_options(tcp: Script, options: dict[str, Any], bits: int) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000, **options)
    answer = tcp.learn_from_syn_ack()
    tcp.inject(ACK, seq=301, ack=101, **({"ts": (2, answer.ts_val)} if "ts" in options else {}))
    tcp.socket = tcp.socket.accept(tcp.now)
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_state, info.tcpi_options) == (1, bits)
    assert (info.tcpi_snd_wscale, info.tcpi_rcv_wscale) == ((3, 7) if "wscale" in options else (0, 0))
    assert (info.tcpi_segs_in, info.tcpi_delivered) == (2, 1)
    assert info.tcpi_advmss == (1_448 if "ts" in options else 1_460)
