"""Break TCP in thousands of small ways, one at a time, and see whether a test notices: docs/mutation.md tells more.

One process has all modules and all tests in memory and knows which test reaches which line. For each mutant it forks a
child that puts the mutant's code in the function's place and runs the tests that reach the broken statement: those that
killed its neighbours first, then from quick to slow, until one fails. A test that takes ten times the processor time that
it needs has failed, too. What was found is kept in mutants/: a run that is begun again goes on, and with --again runs
everything anew, each mutant first with the test that killed it the last time.

Usage: python tools/mutation.py [--sample N] [--budget SECONDS] [--again | --survivors] [--list] [PATTERN...]
PATTERN is a glob on the file, as "*/tcp/rtt.py", or on file and function, as "*/rtt.py:*.sample".
"""

import argparse
import gc
import hashlib
import json
import os
import select
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from random import Random
from typing import Final

import hypothesis
import mutants
import mutation_table
import pytest
from mutants import PACKAGE, ROOT, WORK, Mutant
from mutation_table import Outcome

RESULTS: Final = WORK / "results.jsonl"
REACH: Final = WORK / "reach.json"
TESTS: Final = (
    "tests/unit/transport",
    "tests/unit/base",
    "tests/unit/socket",
    "tests/script",
    "tests/packetdrill",
    "tests/conform",
    "tests/attacks/test_opening_attacks.py",
    "tests/attacks/test_tcp_attacks.py",
)
_LONG_S: Final = 0.2  # a test that takes longer is left out
_SLEEPS: Final = 40  # looks, half a second apart: who slept at all of them will not wake up
_PASSED, _FAILED, _BROKEN, _CUT = 0, 1, 4, 5


@dataclass
class Reach:
    """Which tests come by which line, and how long each takes, s."""

    seconds: dict[str, float]
    lines: dict[str, dict[int, list[str]]]  # by file

    def of(self, mutant: Mutant) -> set[str]:
        """The tests that reach the statement."""
        lines, (first, last) = self.lines.get(mutant.file, {}), mutant.lines
        return {test for number in range(first, last + 1) for test in lines.get(number, ())}


@dataclass
class Order:
    """Which test to try first: those that killed in the same function, then those that killed at all, then the quick ones."""

    seconds: dict[str, float]
    here: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    anywhere: Counter[str] = field(default_factory=Counter)

    def learn(self, outcome: Outcome) -> None:
        """This test killed."""
        if outcome.by:
            self.here[outcome.file + outcome.function][outcome.by] += 1
            self.anywhere[outcome.by] += 1

    def sort(self, mutant: Mutant, tests: set[str], last: str) -> list[str]:
        """The same tests, the most promising first; `last` killed it before."""
        here = self.here[mutant.file + mutant.function]

        def rank(test: str) -> tuple[bool, float, str]:
            worth = 0.02 + 4 * here[test] + 0.05 * self.anywhere[test] ** 0.5
            return test != last, (self.seconds[test] + 0.003) / worth, test

        return sorted(tests, key=rank)


@dataclass
class Child:
    """The process that has one mutant."""

    pid: int
    end: int  # a pipe that closes with it
    progress: int  # a pipe with the number of each test that it begins
    mutant: Mutant
    tests: list[str]
    asleep: int = 0

    def look(self) -> None:
        """It may sleep for ever. Looks are counted, not seconds: this process may have been stopped, too."""
        state = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        self.asleep = self.asleep + 1 if state == "S" else 0
        if self.asleep > _SLEEPS:
            os.kill(self.pid, signal.SIGKILL)

    def outcome(self) -> Outcome:
        """What became of it; it has ended."""
        _, status, usage = os.wait4(self.pid, 0)
        begun = b""
        while part := os.read(self.progress, 65_536):
            begun += part
        os.close(self.progress)
        os.close(self.end)
        code = os.waitstatus_to_exitcode(status)
        what = {_PASSED: "survived", _FAILED: "killed", _BROKEN: "broken", _CUT: "cut"}.get(code, "hung")
        by = self.tests[int.from_bytes(begun[-2:], "big")] if what in {"killed", "hung"} and begun else ""
        return Outcome(*head_of(self.mutant), what, by, round(usage.ru_utime + usage.ru_stime, 3))


def head_of(mutant: Mutant) -> tuple[str, str, str, str, str]:
    """What an outcome tells of its mutant."""
    return mutant.key, mutant.file, mutant.function, mutant.before, mutant.after


class Runner:
    """The plugin that has pytest's collected tests run for one mutant after the other."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.items: dict[str, pytest.Item] = {}
        self.failed = False
        self.has_mutant = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """The same examples each time, and none kept."""
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        hypothesis.settings.register_profile(
            "mutants", deadline=None, database=None, derandomize=True, phases=phases
        )
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """One that fails is enough, and nobody reads the report."""
        if call.excinfo is None or isinstance(call.excinfo.value, pytest.skip.Exception):
            return
        if item.get_closest_marker("xfail") is None:
            self.failed = True
            if self.has_mutant:
                os._exit(_FAILED)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own."""
        self.items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        reach, known = self._reach(), outcomes()
        order = Order(reach.seconds)
        for outcome in known.values():
            order.learn(outcome)
        todo = [mutant for mutant in chosen(self.arguments) if self._is_due(known.get(mutant.key))]
        print(f"{len(todo)} mutants, {len(self.items)} tests", flush=True)
        done: Counter[str] = Counter()
        began = time.monotonic()
        with RESULTS.open("a", encoding="utf-8") as results:
            for outcome in self._run_all(todo, reach, order, known):
                results.write(json.dumps(outcome) + "\n")
                results.flush()
                done[outcome.what] += 1
                if done.total() % 100 == 0:
                    print(f"{time.monotonic() - began:.0f} s: {dict(done)}", flush=True)
        return True

    def _is_due(self, last: Outcome | None) -> bool:
        if last is None or self.arguments.again:
            return True
        return bool(self.arguments.survivors) and not last.is_killed

    def _run_all(
        self, todo: list[Mutant], reach: Reach, order: Order, known: dict[str, Outcome]
    ) -> Iterator[Outcome]:
        running: dict[int, Child] = {}
        waiting = iter(todo)
        mutant = next(waiting, None)
        while mutant is not None or running:
            while mutant is not None and len(running) < self.arguments.jobs:
                last = known[mutant.key].by if mutant.key in known else ""
                if tests := order.sort(mutant, reach.of(mutant) & self.items.keys(), last):
                    child = self._start(mutant, tests, reach.seconds)
                    running[child.end] = child
                else:
                    yield Outcome(*head_of(mutant), "unreached", "", 0.0)
                mutant = next(waiting, None)
            ended, _, _ = select.select(list(running), [], [], 0.5)
            for pipe in ended:
                outcome = running.pop(pipe).outcome()
                order.learn(outcome)
                yield outcome
            if not ended:
                for child in running.values():
                    child.look()

    def _start(self, mutant: Mutant, tests: list[str], seconds: dict[str, float]) -> Child:
        end, kept = os.pipe()
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            _in_child(lambda: self._meet(mutant, tests, seconds, writing))
        os.close(kept)
        os.close(writing)
        return Child(pid, end, reading, mutant, tests)

    def _meet(self, mutant: Mutant, tests: list[str], seconds: dict[str, float], progress: int) -> int:
        """The child: let the tests meet the mutant."""
        self.has_mutant = True
        try:
            mutants.put_in_place(mutant)
        except ValueError:
            return _BROKEN
        for index, test in enumerate(tests):
            if index and time.process_time() > self.arguments.budget:
                return _CUT
            os.write(progress, index.to_bytes(2, "big"))
            signal.setitimer(signal.ITIMER_PROF, 1.0 + 10 * seconds[test])
            self._run(test)
        return _PASSED

    def _run(self, test: str) -> None:
        item = self.items[test]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    # --- which test reaches what ---

    def _reach(self) -> Reach:
        told = fingerprint(self.items)
        known = json.loads(REACH.read_text(encoding="utf-8")) if REACH.exists() else {}
        if known.get("of") != told:
            print("which test reaches what?", flush=True)
            pid = os.fork()
            if not pid:
                _in_child(lambda: self._trace(told, known.get("seconds", {})))
            if os.waitpid(pid, 0)[1]:
                raise RuntimeError("the tests could not be traced")
            known = json.loads(REACH.read_text(encoding="utf-8"))
        for test in known["failed"]:
            print(f"left out, it fails without a fault: {test}")
        lines = {
            file: {int(number): [known["tests"][test] for test in tests] for number, tests in found.items()}
            for file, found in known["lines"].items()
        }
        return Reach(known["seconds"], lines)

    def _trace(self, told: str, before: dict[str, float]) -> int:
        """Run each test under coverage; not those of which is known that they take long."""
        import coverage

        watch = coverage.Coverage(
            data_file=None, include=[str(path) for path in mutants.sources()], config_file=False
        )
        seconds = {name: before[name] for name in self.items if before.get(name, 0) > _LONG_S}
        failed = []
        watch.start()
        for name in [name for name in self.items if name not in seconds]:
            watch.switch_context(name)
            began = time.process_time()
            self._run(name)
            seconds[name] = round(time.process_time() - began, 4)
            if self.failed:
                failed.append(name)
                self.failed = False
        watch.stop()
        data = watch.get_data()
        tests = [name for name in self.items if seconds[name] <= _LONG_S and name not in failed]
        number = {name: index for index, name in enumerate(tests)}
        lines = {
            Path(file).relative_to(PACKAGE).as_posix(): {
                line: [number[test] for test in by if test in number]
                for line, by in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        found = {"of": told, "seconds": seconds, "failed": failed, "tests": tests, "lines": lines}
        REACH.write_text(json.dumps(found), encoding="utf-8")
        return 0


def _in_child(work: Callable[[], int]) -> None:
    """Do it in silence, and end without what Python does at its end."""
    code = _FAILED
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        code = work()
    finally:
        os._exit(code)


def fingerprint(items: Iterable[str]) -> str:
    """Of all that decides which test reaches what."""
    told = hashlib.sha256("\n".join(items).encode())
    for path in sorted(
        [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "tests").rglob("*.pkt")]
    ):
        told.update(path.read_bytes())
    return told.hexdigest()


def chosen(arguments: argparse.Namespace) -> list[Mutant]:
    """The mutants that are asked for, some of each file in turn: what is done at any moment is a fair sample of each."""
    found: list[tuple[int, Mutant]] = []
    for path in mutants.sources():
        file = path.relative_to(PACKAGE).as_posix()
        patterns = [pattern.partition(":")[::2] for pattern in arguments.patterns]
        functions = [function or "*" for name, function in patterns if fnmatch(file, name)]
        if functions:
            fitting = [m for m in mutants.mutants_of(path) if any(fnmatch(m.function, f) for f in functions)]
            Random(file).shuffle(fitting)
            found += enumerate(fitting[: arguments.sample or None])
    return [mutant for _, mutant in sorted(found, key=lambda pair: pair[0])]


def outcomes() -> dict[str, Outcome]:
    """What earlier runs found, the last word on each mutant."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    return {outcome.key: outcome for outcome in (Outcome(*json.loads(line)) for line in lines)}


def report(arguments: argparse.Namespace) -> None:
    """Print the table and, if asked for, those that live; write it into the document if asked for."""
    known = outcomes()
    equivalent = mutation_table.equivalents(mutation_table.EQUIVALENT.read_text(encoding="utf-8"))
    by_file: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in chosen(argparse.Namespace(patterns=arguments.patterns, sample=0)):
        by_file[mutant.file].append(mutant)
    met = [mutant for found in by_file.values() for mutant in found if mutant.key in known]
    refused = mutants.refused([mutant for mutant in met if not known[mutant.key].is_killed])
    scores = {}
    for file, found in sorted(by_file.items()):
        done = [known[mutant.key]._replace(file=file) for mutant in found if mutant.key in known]
        scores[file] = mutation_table.score_of(len(found), done, refused, equivalent)
        for outcome in sorted(done, key=lambda one: (one.function, one.before)) if arguments.list else ():
            change = mutation_table.Change(outcome.file, outcome.before, outcome.after)
            if not outcome.is_killed and outcome.key not in refused and change not in equivalent:
                print(
                    f"{outcome.file} {outcome.function} ({outcome.what})\n  - {outcome.before}\n  + {outcome.after}"
                )
    text = mutation_table.table(scores)
    print(text)
    if arguments.write:
        mutation_table.write(text)


def main() -> int:
    """Run them, and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument(
        "--sample", type=int, default=0, help="at most so many of each file, the same ones each time"
    )
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of processor time for each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--again", action="store_true", help="also those of which is known what becomes of them"
    )
    parser.add_argument("--survivors", action="store_true", help="those again that no test has killed")
    parser.add_argument("--tests", action="append", default=[], help="these and no others")
    parser.add_argument("--list", action="store_true", help="run nothing; show those that live, line by line")
    parser.add_argument("--write", action="store_true", help="write the table into docs/mutation.md")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    WORK.mkdir(exist_ok=True)
    if not arguments.list:
        options = [
            "-s",
            "-q",
            "--assert=plain",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-o",
            "timeout=0",
        ]
        if code := pytest.main([*options, *(arguments.tests or TESTS)], plugins=[Runner(arguments)]):
            return int(code)
    report(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
