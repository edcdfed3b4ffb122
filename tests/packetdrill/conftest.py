"""Every `*.pkt` here is a test."""

from pathlib import Path

import pytest

from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.report import explain
from netarium.testing.packetdrill.runner import run_file


class ScriptFailedError(Exception):
    """Carries what the report says."""


class ScriptItem(pytest.Item):
    def runtest(self) -> None:
        result = run_file(self.path, strict=True)
        if result.failure is not None:
            raise ScriptFailedError("\n".join(explain(result)))

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, ScriptFailedError | ScriptError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, self.name


class ScriptFile(pytest.File):
    def collect(self):
        yield ScriptItem.from_parent(self, name=self.path.stem)


def pytest_collect_file(file_path: Path, parent):
    return ScriptFile.from_parent(parent, path=file_path) if file_path.suffix == ".pkt" else None
