"""pytest collects every `*.pkt` as a test.

In a conftest.py:

    from netarium.testing.packetdrill.collector import collect

    pytest_collect_file = collect()

pytest itself is imported by this module only: nothing else of the package needs it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.report import explain
from netarium.testing.packetdrill.runner import Options, run_file
from netarium.testing.packetdrill.suite import SUFFIX, profile_of


class ScriptFailedError(Exception):
    """Carries what the report says."""


class ScriptItem(pytest.Item):
    """One script."""

    options = Options()

    def runtest(self) -> None:
        """Run it.

        Raises:
            ScriptFailedError: something else happened than it says.
            ScriptError: it is refused.
        """
        result = run_file(self.path, self.options)
        if result.failure is not None:
            raise ScriptFailedError("\n".join(explain(result)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report, not a traceback."""
        if isinstance(excinfo.value, ScriptFailedError | ScriptError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is, for pytest."""
        return self.path, 0, self.name


class ScriptFile(pytest.File):
    """A file with one script."""

    options = Options()

    def collect(self) -> Iterator[ScriptItem]:
        """The script."""
        item: ScriptItem = ScriptItem.from_parent(self, name=self.path.stem)
        item.options = self.options
        yield item


def collect(
    *,
    profile: str | None = None,
    strict: bool = True,
    defines: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Callable[[Path, pytest.Collector], ScriptFile | None]:
    """What a conftest.py calls `pytest_collect_file`: collects every `*.pkt` below it.

    Args:
        profile: whose defaults the stack has; None: a directory above the script is named so, else linux.
        strict: a packet that a script does not expect is a failure.
        defines: words and what stands for them.
        settings: what stands over the scripts' own `--name=value` lines, by name.
    """

    def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScriptFile | None:
        if file_path.suffix != SUFFIX:
            return None
        file: ScriptFile = ScriptFile.from_parent(parent, path=file_path)
        file.options = Options(
            profile=profile or profile_of(file_path),
            strict=strict,
            defines=defines or {},
            settings=settings or {},
        )
        return file

    return pytest_collect_file
