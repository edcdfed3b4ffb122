"""Commands between backticks: what they change, and that everything else is refused."""

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.testing.packetdrill.commands import Orders, obey
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.script import Script
from netarium.testing.packetdrill.sysctls import TABLE


def after(text: str) -> Orders:
    return obey(Script("x.pkt", ""), 3, text, MachineConfig())


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("sysctl -q net.ipv4.tcp_sack=0", "sack", False),
        ("sysctl -w net/ipv4/tcp_timestamps=0", "timestamps", False),
        ("sysctl -qw net.ipv4.tcp_reordering = 7", "dupthresh", 7),
        (
            "set_sysctls.py /proc/sys/net/ipv4/tcp_syn_retries=2 /proc/sys/net/ipv4/tcp_sack=1",
            "syn_retries",
            2,
        ),
        ("echo 1400 > /proc/sys/net/ipv4/tcp_base_mss", "base_mss", 1_400),
        ("echo -n 9 > /proc/sys/net/ipv4/tcp_retries2", "data_retries", 9),
        ('sysctl net.ipv4.tcp_rmem="4096 $((50*1000)) 60000"', "receive_buffer", 50_000),
        ("sysctl net.ipv4.tcp_rmem=4096,131072,60000", "receive_buffer_max", 131_072),
        ('sysctl net.ipv4.ip_local_port_range="3000 4000"', "port_range", (3_000, 4_000)),
        ("sysctl net.ipv4.tcp_keepalive_time=5", "keepalive_idle_ns", 5 * SECOND),
        ("sysctl net.inet.tcp.keepidle=5000", "keepalive_idle_ns", 5 * SECOND),
        ("sysctl net.inet.tcp.delayed_ack=0", "delayed_ack_ns", 0),
        ("sysctl net.ipv4.tcp_congestion_control=cubic", "congestion_control", "cubic"),
        ("sysctl net.inet.tcp.cc.algorithm=newreno", "congestion_control", "reno"),
        ("ip route change default dev tun0 initcwnd 4", "initial_window_segments", 4),
        ("ip ro replace 192.0.2.0/24 via 10.0.0.1 dev tun0 rto_min lock 7ms", "min_rto_ns", 7 * MS),
        ("ip r change default dev tun0 congctl reno", "congestion_control", "reno"),
    ],
)
def test_what_changes(text: str, field: str, value: object) -> None:
    assert getattr(after(text).config.tcp, field) == value


def test_what_changes_in_the_internet_layer() -> None:
    config = after("sysctl net.ipv4.ip_default_ttl=9 net.ipv4.route.min_pmtu=600").config.ip
    assert (config.default_ttl, config.min_pmtu) == (9, 600)


def test_mtu_and_sleep() -> None:
    assert after("ip link set dev tun0 mtu 900 up").mtu == 900
    assert after("ip route add 192.0.2.1 dev tun0 mtu lock 901").mtu == 901
    assert after("ip route add 192.0.2.1 dev tun0 mtu 902").mtu == 902
    assert after("sleep 0.5; sleep 2; usleep 7").sleep == 2 * SECOND + 500 * MS + 7_000


@pytest.mark.parametrize(
    "header",
    [
        "defaults.sh",
        "./defaults.sh",
        "../../common/defaults.sh",
        "/tmp/x/common/set-up.sh",
        "sh ../common/defaults.sh",
        "source ./defaults.sh",
        'sh -c "./defaults.sh"',
    ],
)
def test_headers_set_the_defaults_of_the_suites(header: str) -> None:
    config = after(header).config.tcp
    assert (config.receive_buffer, config.syn_retries, config.ecn) == (540_000, 5, 0)


@pytest.mark.parametrize(
    "text",
    [
        ":", "true", "sync", "/tmp/sysctl_restore_${PPID}.sh", "nstat -n > /dev/null", "ss -tin | grep x",
        "ip tcp_metrics show > /dev/null 2>&1", "ip link show tun0", "ip route show", "ip route flush cache",
        "tc qdisc show", "tc -s qdisc", "ethtool -K tun0 tso off gso off", "modprobe tcp_bbr",
        "kldload -n cc_newreno", "sysctl net.ipv4.tcp_sack", "sysctl net.core.default_qdisc=pfifo",
        "sysctl net.inet.tcp.hostcache.purgenow=1", "ip link set tun0 up", "echo hello",
        "ip -6 route show", "ip addr show", "ip link set tun0 qlen 100", "sysctl -q net.ipv6.auto_flowlabels=0",
        "sudo sysctl -q net.mptcp.enabled=0", "grep -q x /proc/net/tcp", "export X=1",
    ],
)  # fmt: skip
def test_what_changes_nothing(text: str) -> None:
    assert after(text) == Orders(MachineConfig())


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("tc qdisc add dev tun0 root pfifo", False),
        ("tc qdisc replace dev tun0 root fq", False),
        ("tc qdisc del dev tun0 root", False),
        ("tc qdisc add dev tun0 root pfifo limit 0", True),
        ("tc qdisc del dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root bfifo limit 0", True),
    ],
)
def test_a_queue_without_room(text: str, stops: bool) -> None:
    assert after(text) == Orders(MachineConfig(), stops=stops)


@pytest.mark.parametrize(
    ("text", "mtu"),
    [
        ("route change 192.0.2.1 -mtu 1300", 1_300),
        ("route -n get default", None),
        ("route add default 10.0.0.1", None),
    ],
)
def test_routes_of_freebsd(text: str, mtu: int | None) -> None:
    assert after(text) == Orders(MachineConfig(), mtu=mtu)


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("echo 2 > /sys/module/tcp_cubic/parameters/hystart_detect", 2),
        ("set_sysctls.py /sys/module/tcp_cubic/parameters/hystart_detect=1", 1),
        ("echo 0 > /sys/module/tcp_cubic/parameters/hystart", 0),
        ("echo 1 > /sys/module/tcp_cubic/parameters/hystart", 3),
    ],
)
def test_parameters_of_cubic(text: str, signs: int) -> None:
    assert after(text).config.tcp.hystart_signs == signs


@pytest.mark.parametrize("text", ["ip tcp_metrics flush all > /dev/null 2>&1", "ip tcp_metric flush"])
def test_metrics_are_forgotten(text: str) -> None:
    assert after(text) == Orders(MachineConfig(), forgets=True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rm -rf /tmp/x", "the command 'rm"),
        ("./start-server.sh", "the command"),
        ("sysctl net.ipv4.tcp_nonesuch=1", "the sysctl"),
        ("sysctl net.ipv4.tcp_sack=maybe", "no value of net.ipv4.tcp_sack"),
        ("sysctl net.ipv4.tcp_sack=", "no value of"),
        ("sysctl net.ipv4.tcp_stdurg=1", "only 0 describes"),
        ("sysctl net.ipv4.tcp_ecn=6", "from 0 to 5"),
        ("sysctl net.inet.tcp.ecn.enable=3", "Accurate ECN"),
        ("sysctl net.ipv4.tcp_rmem=5", "no value of"),
        ("sysctl net.ipv4.tcp_rmem='9 8 7'", "three sizes"),
        ("sysctl net.ipv4.ip_local_port_range='9 8'", "two ports"),
        ("sysctl net.ipv4.tcp_congestion_control=westwood", "there are"),
        ("sysctl net.ipv4.tcp_fastopen_key=abc", "four words"),
        ("sysctl net.core.rmem_default=", "a value is missing"),
        ("cat x > /proc/sys/net/ipv4/tcp_sack", "is not understood"),
        ("echo 1 > /sys/module/tcp_bbr/parameters/x", "the sysctl"),
        ("echo 1 > /proc/irq/1", "the sysctl"),
        ("echo 3 > /sys/module/tcp_cubic/parameters/beta", "only 717"),
        ("route change default -lock -mtu 9", "route change"),
        ("sleep", "sleep"),
        ("sleep soon", "sleep soon"),
        ("tc qdisc add dev tun0 root netem delay 10ms", "tc qdisc"),
        ("tc qdisc add dev tun0 root pie", "tc qdisc"),
        ("tc filter show", "tc filter"),
        ("ip", "says nothing"),
        ("ip rule add", "ip rule"),
        ("ip link add dummy0 type dummy", "ip link"),
        ("ip link set tun0 down", "ip link"),
        ("ip route add blackhole 192.0.2.1", "blackhole"),
        ("ip route change default dev tun0 window 7", "window 7"),
        ("ip route change default dev tun0 quickack 1", "quickack 1"),
        ("ip route change default dev tun0 rto_min soon", "no duration"),
        ("a `", "not understood"),
    ],
)
def test_what_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ScriptError, match=complaint) as refusal:
        after(text)
    assert str(refusal.value).startswith("x.pkt:3: ")


def test_every_row_takes_some_value_and_refuses_nonsense() -> None:
    """No row of the table is a stub: each accepts one of a few plain values, and each refuses an empty one."""
    plain = ("0", "1", "2", "4", "5", "8", "16", "41", "717", "2000", "4000", "16000", "50", "80", "300", "1000", "200000",
             "4294967295", "4096 131072 6291456", "32768 60999", "reno", "freebsd", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", "00112233445566778899aabbccddeeff")  # fmt: skip

    def takes(name: str, value: str) -> bool:
        try:
            return TABLE[name](MachineConfig(), value) is not None
        except ValueError:
            return False

    assert [name for name in TABLE if not any(takes(name, value) for value in plain)] == []
    assert [name for name in TABLE if takes(name, "")] == []
