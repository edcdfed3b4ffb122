"""Each example runs as a newcomer runs it, and says what its docstring promises."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_two_hosts_and_a_lost_packet() -> None:
    said = run("two_hosts_and_a_lost_packet.py")
    assert said.startswith("30000 octets arrived after ")
    assert "1 segment was lost" in said


def test_aiohttp_over_a_bad_cable() -> None:
    assert run("aiohttp_over_a_bad_cable.py").startswith("120000 characters after ")


def test_a_mail() -> None:
    said = run("a_mail.py")
    assert "Subject: Hello" in said
    assert "It came through a TCP/IP stack written in Python." in said


def test_watching_a_handshake() -> None:
    lines = run("watching_a_handshake.py").splitlines()
    shown = [re.split(r"\s{1,}", line.strip()) for line in lines]
    assert [(row[2], row[3]) for row in shown[:3]] == [
        ("client", "SYN"),
        ("server", "SYN,ACK"),
        ("client", "ACK"),
    ]
    (_, client_seq, _, _), (_, server_seq, server_ack, _) = (
        (r[3], int(r[5]), int(r[7]), r[9]) for r in shown[:2]
    )
    assert server_ack == client_seq + 1
    assert int(shown[2][7]) == server_seq + 1
    assert run("watching_a_handshake.py").splitlines() == lines  # the same to the bit, every time


def can_make_a_tap() -> bool:
    """Whether we may have a network namespace of our own, and a TAP in it."""
    make = ["unshare", "-n", "ip", "tuntap", "add", "mode", "tap"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(make, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.interop
def test_host_on_a_tap() -> None:
    if not can_make_a_tap():
        assert os.environ.get("CI") != "true", "CI must be able to make a TAP"
        pytest.skip("may not make a TAP in a network namespace")
    ours = [sys.executable, "-W", "error", "host_on_a_tap.py"]
    with subprocess.Popen(
        ["unshare", "-n", *ours], cwd=EXAMPLES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        assert host.stderr is not None
        try:
            assert host.stdout.readline() == "http://10.99.0.2/ is there; Ctrl-C ends it\n"
            fetch = "import urllib.request as u; print(u.urlopen('http://10.99.0.2/a_mail.py', timeout=20).read().decode())"
            inside = ["nsenter", "-t", str(host.pid), "-n", sys.executable, "-c", fetch]
            fetched = subprocess.run(inside, capture_output=True, text=True, timeout=60, check=False)
            assert "unmodified, on a switch" in fetched.stdout, fetched.stderr
        finally:
            host.send_signal(signal.SIGINT)
        assert host.stdout.read() == "bye\n"
        assert '"GET /a_mail.py HTTP/1.1" 200' in host.stderr.read()
        assert host.wait(20) == 0


def test_host_on_a_tap_says_what_it_needs() -> None:
    command = [sys.executable, str(EXAMPLES / "host_on_a_tap.py")]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root cannot give up its capabilities here: setpriv is missing")
        command = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert re.search(r"root|/dev/net/tun", done.stderr)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 30
