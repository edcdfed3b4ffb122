"""netstat, ss, lsof and arp look like the originals."""

import json
from typing import Any

import pytest

from netarium.host.tables import DetailedRow, InterfaceRow, NeighborRow, RouteRow, Tables, TimerRow
from netarium.inspect import arp, lsof, netstat, ss


def row(**fields: Any) -> DetailedRow:
    held = {"state": "", "recv_q": 0, "send_q": 0, "pid": 0, "process": "", "fd": -1, "version": 4}
    return DetailedRow(**{**held, **fields})


LISTENER = row(
    id=1, kind="tcp", local=("0.0.0.0", 80), remote=("0.0.0.0", 0), state="LISTEN", pid=101, process="python3", fd=3,
    send_q=5,
)  # fmt: skip
FRESH = row(
    id=2,
    kind="tcp",
    local=("0.0.0.0", 0),
    remote=("0.0.0.0", 0),
    state="CLOSED",
    pid=102,
    process="browser",
    fd=3,
)
BUSY = row(
    id=3, kind="tcp", local=("10.0.1.1", 49152), remote=("10.0.1.3", 80), state="ESTABLISHED", pid=102,
    process="browser", fd=4, recv_q=12, send_q=1460, timer=TimerRow(name="on", left_ns=204_000_000, retransmits=1),
    info={
        "options": 7, "congestion": "reno", "snd_wscale": 7, "rcv_wscale": 7,
        "rto": 204_000, "rtt": 1_250, "rttvar": 500, "snd_mss": 1448, "pmtu": 1500, "snd_cwnd": 10,
        "snd_ssthresh": 0x7FFFFFFF, "bytes_acked": 100, "total_retrans": 1, "retrans": 0,
    },
)  # fmt: skip
WAITING = row(
    id=4, kind="tcp", local=("10.0.1.1", 49151), remote=("10.0.1.3", 80), state="TIME_WAIT",
    timer=TimerRow(name="timewait", left_ns=59_980_000_000),
)  # fmt: skip
DNS = row(id=5, kind="udp", local=("0.0.0.0", 53), remote=("0.0.0.0", 0), pid=103, process="dns", fd=3)
ROWS = [LISTENER, FRESH, BUSY, WAITING, DNS]


def test_netstat_ano() -> None:
    assert netstat.sockets(ROWS) == [
        "Active Internet connections (servers and established)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name     Timer",
        "tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN      101/python3          off (0.00/0/0)",
        "tcp        0      0 0.0.0.0:*               0.0.0.0:*               CLOSE       102/browser          off (0.00/0/0)",
        "tcp       12   1460 10.0.1.1:49152          10.0.1.3:80             ESTABLISHED 102/browser          on (0.20/1/0)",
        "tcp        0      0 10.0.1.1:49151          10.0.1.3:80             TIME_WAIT   -                    timewait (59.98/0/0)",
        "udp        0      0 0.0.0.0:53              *:*                                 103/dns              off (0.00/0/0)",
    ]


def test_netstat_as_the_book_shows_it() -> None:
    assert netstat.book(ROWS) == [
        "  Proto  Local Address          Foreign Address        State           PID",
        "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       101",
        "  TCP    0.0.0.0:0              0.0.0.0:0              CLOSED          102",
        "  TCP    10.0.1.1:49152         10.0.1.3:80            ESTABLISHED     102",
        "  TCP    10.0.1.1:49151         10.0.1.3:80            TIME_WAIT       0",
        "  UDP    0.0.0.0:53             *:*                                    103",
    ]


def test_netstat_without_servers_and_only_servers() -> None:
    established = netstat.sockets(ROWS, every=False, timers=False, programs=False)
    assert established[0] == "Active Internet connections (w/o servers)"
    assert [line.split()[-1] for line in established[2:]] == ["CLOSE", "ESTABLISHED", "TIME_WAIT"]
    listening = netstat.sockets(ROWS, listening=True, timers=False, programs=False)
    assert [line.split()[3] for line in listening[2:]] == ["0.0.0.0:80", "0.0.0.0:53"]


def test_netstat_routes() -> None:
    rows = [
        RouteRow(destination="0.0.0.0", length=0, gateway="10.0.1.254", device="eth0"),
        RouteRow(destination="10.0.1.0", length=24, device="eth0"),
        RouteRow(destination="10.9.9.9", length=32, gateway="10.0.1.254", device="eth0"),
    ]
    assert netstat.routes(rows) == [
        "Kernel IP routing table",
        "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface",
        "0.0.0.0         10.0.1.254      0.0.0.0         UG        0 0          0 eth0",
        "10.0.1.0        0.0.0.0         255.255.255.0   U         0 0          0 eth0",
        "10.9.9.9        10.0.1.254      255.255.255.255 UGH       0 0          0 eth0",
    ]


def test_netstat_statistics_shows_every_counter_once() -> None:
    counters = {
        "tcp_in_segs": 7,
        "tcp_paws_rejected": 2,
        "udp_noports": 1,
        "rx_no_interface": 3,
        "arp_rx_malformed": 4,
    }
    lines = netstat.statistics(counters)
    assert lines == [
        "Tcp:",
        "    7 segments received",
        "    tcp_paws_rejected: 2",
        "Udp:",
        "    1 packets to unknown port received",
        "Arp:",
        "    arp_rx_malformed: 4",
        "Machine:",
        "    rx_no_interface: 3",
    ]
    assert netstat.statistics(counters, ["Udp"]) == lines[3:5]


def test_ss_columns_are_as_wide_as_their_contents() -> None:
    lines = ss.sockets(ROWS)
    assert lines[0] == "Netid State     Recv-Q Send-Q Local Address:Port  Peer Address:Port Process"
    assert lines[1] == (
        'tcp   LISTEN    0      5            0.0.0.0:80         0.0.0.0:*    users:(("python3",pid=101,fd=3))'
    )
    assert lines[3] == (
        'tcp   ESTAB     12     1460        10.0.1.1:49152     10.0.1.3:80   users:(("browser",pid=102,fd=4)) '
        "timer:(on,204ms,1)"
    )
    assert lines[4] == (
        "\t ts sack reno wscale:7,7 rto:204 rtt:1.25/0.5 mss:1448 pmtu:1500 cwnd:10 bytes_acked:100 retrans:0/1"
    )
    assert lines[5].startswith("tcp   TIME-WAIT")
    assert lines[5].endswith("timer:(timewait,59.9sec,0)")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0ms"),
        (204_999_999, "204ms"),
        (2_000_000_000, "2sec"),
        (7_250_000_000, "7.2sec"),
        (60_000_000_000, "1min"),
        (95_000_000_000, "1min35sec"),
        (7_199_000_000_000, "119min"),
    ],
)
def test_ss_timer_units(ns: int, text: str) -> None:
    assert ss.short_time(ns) == text


def test_ss_leaves_out_servers_unless_asked() -> None:
    assert [line.split()[1] for line in ss.sockets(ROWS, every=False, details=False)[1:]] == [
        "ESTAB",
        "TIME-WAIT",
    ]
    assert [line.split()[0] for line in ss.sockets(ROWS, listening=True, details=False)[1:]] == ["tcp", "udp"]


def test_lsof_shows_open_descriptors_only() -> None:
    lines = lsof.sockets(ROWS)
    assert lines[0].split() == ["COMMAND", "PID", "USER", "FD", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"]
    assert [line.split()[-2:] for line in lines[1:]] == [
        ["*:80", "(LISTEN)"],
        ["*:*", "(CLOSED)"],
        ["10.0.1.1:49152->10.0.1.3:80", "(ESTABLISHED)"],
        ["UDP", "*:53"],
    ]
    assert lines[3].split()[:5] == ["browser", "102", "-", "4u", "IPv4"]


def test_arp() -> None:
    rows = [
        NeighborRow(
            address="10.0.1.3", mac="02:00:00:00:00:03", device="eth0", state="REACHABLE", name="web"
        ),
        NeighborRow(address="10.0.1.9", mac="", device="eth0", state="INCOMPLETE"),
    ]
    assert arp.bsd(rows) == [
        "web (10.0.1.3) at 02:00:00:00:00:03 [ether] on eth0",
        "? (10.0.1.9) at <incomplete> on eth0",
    ]
    assert arp.table(rows)[1:] == [
        "10.0.1.3                 ether   02:00:00:00:00:03   C                     eth0",
        "10.0.1.9                         (incomplete)                              eth0",
    ]
    assert arp.neighbours(rows) == [
        "10.0.1.3 dev eth0 lladdr 02:00:00:00:00:03 REACHABLE",
        "10.0.1.9 dev eth0 INCOMPLETE",
    ]


def test_tables_survive_json() -> None:
    tables = Tables(
        machine="browser",
        now=5,
        sockets=ROWS,
        routes=[RouteRow(destination="10.0.1.0", length=24, device="eth0")],
        neighbors=[NeighborRow(address="10.0.1.3", mac="", device="eth0", state="FAILED")],
        interfaces=[
            InterfaceRow(name="eth0", mac="02:00:00:00:00:01", mtu=1500, up=True, addresses=["10.0.1.1/24"])
        ],
        counters={"tcp_in_segs": 1},
    )
    assert Tables.from_dict(json.loads(json.dumps(tables.as_dict()))) == tables
    with pytest.raises(KeyError):
        Tables.from_dict({"machine": "x"})
