"""The command line as a whole: help, errors in one line, exit codes, silence towards a closed pipe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netarium import __version__
from netarium.cli import language, main
from netarium.cli.main import COMMANDS


def netarium(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "netarium.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    """Run it in this process."""
    code: object
    try:
        code = main.main(arguments)
    except SystemExit as leaving:
        code = leaving.code
    out, err = capsys.readouterr()
    return code, out, err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"netarium {__version__}\n", "")


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert set(COMMANDS) <= set(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"netarium {command}" in out
    assert "examples:" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "invalid choice"),
        (["tour", "--story", "7"], "invalid choice"),
        (["tour", "--loss", "150%"], "between 0 and 1"),
        (["tour", "--loss", "lots"], "not a probability"),
        (["netstat", "--demo", "--host", "nobody"], "there are browser, dns, web, mailer, mail"),
        (["lsof", "--demo", "-i", "sctp"], "write it like"),
        (["tap"], "--address"),
        (["tap", "--device", "modem:0", "--address", "10.0.0.2/24"], "name one like --device tap:nt0"),
        (["tap", "--device", "packet:lo", "--peer", "10.0.0.1/24", "--address", "10.0.0.2/24"], "as it is"),
        (["tap", "--address", "10.0.0.2/24", "--port", "99999"], "is not a port: 1 to 65535"),
        (["tap", "--address", "10.0.0.2/24", "--peer", "10.0.0.2/24"], "is our own address"),
        (["tap", "--address", "10.0.0.2/24", "--peer", "192.0.2.1/24"], "not in the network of 10.0.0.2/24"),
        (["tap", "--address", "fd00::2/64"], "write it like 10.7.0.2/24"),
        (["fetch", "ftp://x/", "--address", "10.0.0.2/24"], "only http:// can be fetched"),
        (["fetch", "http://[::1/", "--address", "10.0.0.2/24"], "write it like http://10.7.0.1:8000/"),
        (["fetch", "http://10.0.0.1:80000/", "--address", "10.0.0.2/24"], "write it like http://"),
        (["fetch", "http:///", "--address", "10.0.0.2/24"], "write it like http://"),
        (["fetch", "http://x/", "--timeout", "-1", "--address", "10.0.0.2/24"], "more than 0 s"),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.startswith("netarium")
    assert err.count("\n") == 1


def test_what_cannot_be_done_is_one_line_and_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "no" / "such" / "directory.trace"
    code, _, err = run(capsys, "tour", "--json", "--trace", str(target))
    assert (code, err) == (1, f"netarium: {target}: No such file or directory\n")


def test_no_machine_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert run(capsys, "netstat")[2].startswith("netarium: no machine runs here: start one with netarium tap")
    code, _, err = run(capsys, "ss", "--host", "nt0")
    assert code == 2
    assert "no machine is called 'nt0'" in err


def test_ctrl_c_is_130_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("netarium.cli.commands.arp.run", interrupted)
    assert run(capsys, "arp", "--demo") == (130, "", "")


def test_a_reader_that_has_seen_enough() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "netarium.cli.main", "tour", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    code, _, err = run(capsys, "tour")
    assert (code, err) == (2, "netarium: the tour needs the package rich: pip install 'netarium[all]'\n")
    monkeypatch.undo()
    monkeypatch.setattr("netarium.cli.tour.scenario.find_spec", lambda _name: None)
    code, _, err = run(capsys, "tour")
    assert (code, err) == (2, "netarium: the tour needs the package dnslib: pip install 'netarium[all]'\n")


def test_starting_is_quick_because_commands_load_what_they_need() -> None:
    code = "import sys, netarium.cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"rich", "asyncio", "dnslib", "aiosmtpd", "netarium.sim", "netarium.drive"} & set(loaded) == set()


@pytest.mark.parametrize(
    ("choice", "environment", "spoken"),
    [
        ("both", {}, ("ko", "en")),
        ("ko", {"LANG": "en_US.UTF-8"}, ("ko",)),
        (None, {"LANG": "ko_KR.UTF-8"}, ("ko",)),
        (None, {"LC_ALL": "en_GB.UTF-8", "LANG": "ko_KR.UTF-8"}, ("en",)),
        (None, {"LC_ALL": "", "LANG": "ko_KR.UTF-8"}, ("ko",)),
        (None, {"LANG": "C"}, ("en",)),
        (None, {}, ("en",)),
    ],
)
def test_language(choice: str | None, environment: dict[str, str], spoken: tuple[str, ...]) -> None:
    assert language.languages(choice, environment) == spoken


def test_a_pipe_gets_plain_text_and_a_terminal_may_refuse_colour() -> None:
    assert "\x1b[" not in netarium("tour", "--story", "1").stdout
    assert "\x1b[" in netarium("tour", "--story", "1", FORCE_COLOR="1", TERM="xterm-256color").stdout
    without = netarium("tour", "--story", "1", FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color").stdout
    assert "\x1b[3" not in without


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["netstat", "-ano"],
            ["Active Internet connections (servers and established)", ":80", "ESTABLISHED"],
        ),
        (["netstat", "-r"], ["Kernel IP routing table", "255.255.255.0"]),
        (["netstat", "-s"], ["Tcp:", "segments received"]),
        (["ss", "-tanoi"], ["ESTAB", "cwnd:"]),
        (["lsof", "-i", ":80"], ["browser", "IPv4", "TCP"]),
        (["arp", "-a"], ["web (10.0.1.3) at 02:00:00:00:00:03 [ether] on eth0"]),
        (["arp", "-n"], ["HWaddress", "02:00:00:00:00:03"]),
        (["arp", "--states"], ["lladdr", "REACHABLE"]),
    ],
)
def test_the_views_of_a_simulated_browser(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments, "--demo")
    assert (code, err) == (0, "")
    assert [word for word in words if word not in out] == []
