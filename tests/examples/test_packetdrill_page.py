"""docs/packetdrill.md: its scripts run as it says, its programs run, and its lists are those of the code."""

import re
from pathlib import Path

import pytest

from netarium.cli.main import main
from netarium.testing.packetdrill.callnames import HANDLERS
from netarium.testing.packetdrill.settings import SETTERS

PAGE = (Path(__file__).parents[2] / "docs" / "packetdrill.md").read_text(encoding="utf-8")
LATE = """\
// as hello.pkt, but wrong
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 2
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def timeless(text: str) -> str:
    return re.sub(r"in \d+\.\d+ s", "in N s", text)


def test_scripts_and_their_reports(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (script,) = blocks("packetdrill")
    Path("hello.pkt").write_text(script, encoding="utf-8")
    Path("late.pkt").write_text(LATE, encoding="utf-8")
    for session in blocks("console"):
        command, _, expected = session.partition("\n")
        main(command.removeprefix("$ netarium ").split())
        assert timeless(capsys.readouterr().out) == timeless(expected)


def test_programs(pytester_run) -> None:
    conftest, program = blocks("python")
    exec(compile(program, "page", "exec"), {})
    assert pytester_run(conftest) == 0


@pytest.fixture
def pytester_run(tmp_path):
    def run(conftest: str) -> int:
        (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
        (script,) = blocks("packetdrill")
        (tmp_path / "hello.pkt").write_text(script, encoding="utf-8")
        return int(pytest.main(["-q", "-p", "no:cacheprovider", "-n", "0", str(tmp_path)]))

    return run


def test_lists_are_those_of_the_code() -> None:
    words = set(re.findall(r"\w+", PAGE))
    assert HANDLERS.keys() - words == {"epoll_pwait"}
    assert {"mtu", "mss", "non_fatal", "init_scripts", "bind_port"} <= SETTERS.keys() & words
