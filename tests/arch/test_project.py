"""The project's own files say what is true."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import netarium

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_skips  # noqa: E402
import rfc_coverage  # noqa: E402

sys.path.pop(0)


def test_version_is_in_one_place() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|a\d+|b\d+|rc\d+)?", netarium.__version__)


def test_core_has_no_dependencies() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["dependencies"] == []


def make(*arguments: str) -> str:
    return subprocess.run(
        ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("target", ["help", "tour", "test", "check", "bench", "test-all", "docs", "clean"])
def test_makefile_has_the_target(target: str) -> None:
    assert make(target)


def test_marks_are_read_from_the_source() -> None:
    source = """
import pytest
pytestmark = [pytest.mark.rfc("791", "01")]
@pytest.mark.rfc("9293", "MUST-1", "MUST-2")
def test_a(): ...
@pytest.mark.attack("ARP-01")
class TestB:
    async def test_c(self): ...
def helper(): ...
"""
    marks = rfc_coverage.marks_in(source, "t.py")
    assert [(m.kind, m.arguments, m.test) for m in marks] == [
        ("rfc", ("791", "01"), "t.py::test_a"),
        ("rfc", ("9293", "MUST-1", "MUST-2"), "t.py::test_a"),
        ("rfc", ("791", "01"), "t.py::TestB::test_c"),
        ("attack", ("ARP-01",), "t.py::TestB::test_c"),
    ]


def test_a_mark_names_duties_of_the_list() -> None:
    known = {"9293-MUST-1", "1122L-02", "eth-01"}
    mark = rfc_coverage.Mark("rfc", ("9293", "MUST-1", "§3.4"), "t")
    assert rfc_coverage.duties(mark, known) == ["9293-MUST-1", "9293 §3.4"]
    assert rfc_coverage.duties(mark._replace(arguments=("1122", "L-02")), known) == ["1122L-02"]
    assert rfc_coverage.duties(mark._replace(arguments=("eth-01",)), known) == ["eth-01"]


def test_attack_marks_exist() -> None:
    known = {row["id"] for row in rfc_coverage.rows_of(rfc_coverage.ATTACKS)}
    marks = [mark for mark in rfc_coverage.all_marks(ROOT) if mark.kind == "attack"]
    assert [mark for mark in marks if not set(mark.arguments) <= known] == []


def test_skips_that_are_not_allowed_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.a" name="test_x">'
        '<skipped type="pytest.skip" message="no root"/></testcase>'
        '<testcase classname="tests.a" name="test_y"><skipped type="pytest.xfail" message="known"/></testcase>'
        '<testcase classname="tests.a" name="test_z"/></testsuite></testsuites>'
    )
    assert check_skips.main([str(report)]) == 1
    assert "tests.a::test_x (no root)" in capsys.readouterr().err
    assert check_skips.patterns("# comment\n\ntests.a::test_* # because\n") == ["tests.a::test_*"]
