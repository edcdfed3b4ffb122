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
import mutants  # noqa: E402
import mutation_table  # noqa: E402
import rfc_coverage  # noqa: E402
import rfc_places  # noqa: E402

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


@pytest.mark.parametrize(
    "target", ["help", "tour", "test", "check", "bench", "test-all", "docs", "graphs", "mutants", "clean"]
)
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


def test_scripts_name_duties_in_lines_of_their_own() -> None:
    source = "// rfc 9293 MUST-10, MUST-11\n// RFC 9293 says so\n//rfc 8985-06  \n  // attack TCP-12\n+0 > S 0:0(0) // rfc 1\n// rfc (9293)"
    assert [tuple(mark) for mark in rfc_coverage.script_marks_in(source, "t.pkt")] == [
        ("rfc", ("9293", "MUST-10", "MUST-11"), "t.pkt"),
        ("rfc", ("8985-06",), "t.pkt"),
        ("attack", ("TCP-12",), "t.pkt"),
    ]


def sections(text: str) -> list[str]:
    return [f"{clause.document}/{clause.section}" for clause in rfc_places.clauses_of(text)]


def test_citations_of_clauses_are_read() -> None:
    assert sections("RFC 6298 (2.2)-(2.4), RFC 1112 §7.1-2; see RFC 768") == [
        "6298/2.2", "6298/2.3", "6298/2.4", "1112/7.1", "1112/7.2", "768/",
    ]  # fmt: skip
    assert sections("RFC 8985 §6.2 step 2. And §6.3; IEEE 802.3 §4.2.3.") == [
        "8985/6.2",
        "8985/6.3",
        "802.3/4.2.3",
    ]
    assert sections("20 octets (2.4)") == []
    listed = rfc_places.sources_of("RFC 9438 s4.1-4.2, 4.6; RFC 9293 s3.8.2/3.1; App. B; IEEE 802.3 cl. 4.2")
    assert [clause.section for clause in listed] == ["4.1", "4.2", "4.6", "3.8.2", "3.1", "4.2"]


def test_the_place_of_a_duty() -> None:
    source = '''
"""Windows (RFC 9293 §3.8)."""
class Sender:
    def send(self):
        """Sends. Spec: RFC 9293 §3.8.6.1."""
        # SHLD-16, -17: only what lies within
        # the window that shrank
        def inner():
            pass  # RFC 9293 §3.8.6.2.1 (4)
LIMIT = 3  # 8985-06 and RFC 9293 §3.8.60
'''
    cited = rfc_places.citations_in(source, "s.py", ["8985-06"])
    found = rfc_places.places(
        [
            ("9293-SHLD-17", "RFC 9293 s3.8.6; App. B"),  # named outright
            ("8985-06", "RFC 8985 s7.2"),
            ("9293-MUST-1", "RFC 9293 s3.8.6; App. B"),  # by parts of its clause
            ("9293-MUST-2", "RFC 9293 s3.8.6.2; App. B"),
            ("9293-MUST-3", "RFC 9293 s3.9; App. B"),
        ],
        cited,
    )
    assert found == {
        "9293-SHLD-17": ["s.py:Sender.send"],
        "8985-06": ["s.py"],
        "9293-MUST-1": ["s.py:Sender.send", "s.py:Sender.send.inner"],
        "9293-MUST-2": ["s.py:Sender.send.inner"],
        "9293-MUST-3": [],
    }


def project(root: Path, notes: str) -> Path:
    """A project of two duties, one shown, and an attack."""
    (root / "docs").mkdir()
    (root / "src" / "netarium").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "docs" / "requirements.tsv").write_text(
        "id\tlevel\ttopic\trequirement\tsource\tsure\n1-1\tMUST\tx\tdo it\tRFC 1 s2\tA\n1-2\tMAY\tx\tor not\tRFC 1 s3\tA\n"
    )
    (root / "docs" / "attacks.tsv").write_text("id\tattack\trequired_outcome\nTCP-1\tflood\tcount\n")
    (root / "docs" / "rfc-notes.tsv").write_text("id\tstatus\treason\n" + notes)
    (root / "tests" / "a.pkt").write_text("// rfc 1-1\n")
    return root


def test_holes_are_what_has_neither_test_nor_note_nor_place(tmp_path: Path) -> None:
    root = project(tmp_path, "1-2\tnot applicable\tno | such thing\n")
    coverage = rfc_coverage.gather(root)
    assert [duty.status for duty in (*coverage.duties, *coverage.attacks)] == [
        "met",
        "not applicable",
        "missing",
    ]
    assert rfc_coverage.holes(coverage) == [
        "TCP-1: neither a test nor a note (attack: flood)",
        "1-1: no place in src/ cites its clause or names it (do it)",
    ]
    text = rfc_coverage.document(root)
    assert "| 1-2 | MAY | or not | not applicable: no \\| such thing |  |  |" in text
    assert "| MUST | 1 | 1 | 0 | 0 | 0 | 0 |" in text
    (root / "src" / "netarium" / "x.py").write_text("# RFC 1 §2\n")
    assert len(rfc_coverage.holes(rfc_coverage.gather(root))) == 1
    assert "| 1-1 | MUST | do it | met | `x.py` | `a.pkt` |" in rfc_coverage.document(root)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("9-9\tdeviation\twhy", "9-9 is in neither list"),
        ("1-1\tmet\twhy", "1-1 is 'met'; write one of deviation, not applicable, other issue"),
        ("1-1\tdeviation\t ", "1-1 has no reason"),
        ("1-1\tdeviation", "1-1 has no reason"),
        ("1-1\tdeviation\ta\n1-1\tdeviation\tb", "1-1 is there twice"),
    ],
)
def test_notes_that_make_no_sense_are_refused(note: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(rfc_coverage.NoteError, match=words):
        rfc_coverage.gather(project(tmp_path, note + "\n"))


def test_the_notes_of_this_project_make_sense() -> None:
    assert rfc_coverage.gather(ROOT).duties


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


def test_mutants_are_counted_without_those_that_nothing_can_kill() -> None:
    equivalent = mutation_table.equivalents("# why\n\na.py\treturn 1 < 2\treturn 1 <= 2\tnever equal\n")
    assert equivalent.changes == {("a.py", "return 1 < 2", "return 1 <= 2")}
    with pytest.raises(ValueError, match="line 1"):
        mutation_table.equivalents("a.py\treturn 1 < 2\treturn 1 <= 2\n")

    def outcome(key: str, what: str, before: str = "x", after: str = "y") -> mutation_table.Outcome:
        return mutation_table.Outcome(key, "a.py", "f", before, after, what, "", 0.0)

    found = [
        outcome("1", "killed"),
        outcome("2", "hung"),
        outcome("3", "killed"),
        outcome("4", "survived"),
        outcome("5", "cut"),
        outcome("6", "unreached", "return 1 < 2", "return 1 <= 2"),
    ]
    score = mutation_table.score_of(20, found, {"1", "5"}, equivalent)
    assert score == mutation_table.Score(mutants=20, killed=3, refused=1, survived=1, equivalent=1)
    assert (score.run, score.by_tests, score.percent) == (6, 60, 80)
    whole = mutation_table.Score(60, 10, 0, 0, 0)
    lines = mutation_table.table({"a.py": score, "b.py": whole, "c.py": mutation_table.Score(9, 0, 0, 0, 0)})
    assert lines.splitlines()[2:] == [
        "| a.py | 20 | 6 | 3 | 1 | 1 | 1 | 60 % | 80 % |",
        "| b.py | 60 | 10 | 10 | 0 | 0 | 0 | 100 % | 100 % |",
        "| c.py | 9 | 0 | 0 | 0 | 0 | 0 | – | – |",
        "| **all** | 80 | 16 | 13 | 1 | 1 | 1 | 90.0 % | 95.0 % |",
    ]


def test_a_rule_is_for_mutants_that_change_this_and_nothing_else() -> None:
    ledger = mutation_table.equivalents('b/*.py\t, "big")\t, )\tit is the default\n')
    line = 'return a(1, "big") + a(2, "big")'
    for after in ('return a(1, ) + a(2, "big")', 'return a(1, "big") + a(2, )'):
        assert mutation_table.Change("b/c.py", line, after) in ledger
        assert mutation_table.Change("c/c.py", line, after) not in ledger
    for after in ("return a(1, ) + a(2, )", 'return a(2, ) + a(2, "big")', line):
        assert mutation_table.Change("b/c.py", line, after) not in ledger


def test_the_type_checker_is_believed_only_when_it_has_read_all() -> None:
    output = '\n{"file": "a.py", "line": 1}\nnote: a cache was not written\n{what}\n[]\n{"file": "b.py"}\n'
    found = [{"file": "a.py", "line": 1}, {"file": "b.py"}]
    assert mutants.complaints(1, output, "") == found
    assert mutants.complaints(0, "\n", "") == []
    with pytest.raises(RuntimeError, match="ended with 2: out of memory"):
        mutants.complaints(2, output, "out of memory")


def test_a_mutant_is_where_its_statement_is() -> None:
    text = """
class C:
    @property
    def f(self):
        a = (
            1
        )
        if (a
            and 2):
            return 3
        else:
            return 4
"""
    node = mutants.functions(text)["C.f"]
    assert mutants.statement_around(node, 4, 4) == (4, 12)  # its head is all of it
    assert mutants.statement_around(node, 6, 6) == (5, 7)
    assert mutants.statement_around(node, 9, 9) == (8, 9)
    assert mutants.statement_around(node, 10, 10) == (10, 10)
    assert mutants.statement_around(node, 12, 12) == (12, 12)
    assert mutants.statement_around(node, 8, 12) == (8, 12)


def test_the_list_of_equivalent_mutants_gives_reasons() -> None:
    known = mutation_table.equivalents(mutation_table.EQUIVALENT.read_text(encoding="utf-8"))
    assert all((ROOT / "src" / "netarium" / change.file).exists() for change in known.changes)
    assert all(list((ROOT / "src" / "netarium").glob(rule.file)) for rule in known.rules)
