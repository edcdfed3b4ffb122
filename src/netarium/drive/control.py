"""A socket of the kernel's through which other programs of the same user look into a running host.

One line of JSON asks, `{"view": "tables"}`, one line answers. The socket lies in a directory that only the user can
enter, has mode 0600, and goes with the host; one that a killed program left behind is found out and removed.
"""

import errno
import json
import os
import socket
import stat
import tempfile
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

from netarium.base.errors import UsageError
from netarium.drive.host import Host
from netarium.host.snapshot import snapshot

_SUFFIX: Final = ".sock"
_PATIENCE: Final = 5.0  # s that either side waits for the other
_LONGEST_QUESTION: Final = 4_096


def directory() -> Path:
    """Where this user's control sockets are: below XDG_RUNTIME_DIR, or in a private directory of the temporary one.

    Raises:
        UsageError: somebody else has put something in its place.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        path = Path(runtime) / "netarium"
    else:
        path = Path(tempfile.gettempdir()) / f"netarium-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UsageError(f"{path} is not a private directory of yours: remove it, or set XDG_RUNTIME_DIR")
    return path


def running() -> list[str]:
    """Names of this user's hosts that answer; what dead ones have left is removed."""
    names = []
    for path in sorted(directory().glob("*" + _SUFFIX)):
        try:
            with _connected(path):
                names.append(path.name.removesuffix(_SUFFIX))
        except OSError as fault:
            if fault.errno == errno.ECONNREFUSED:
                path.unlink(missing_ok=True)
    return names


def ask(name: str, view: str) -> dict[str, Any]:
    """A view of the host that is called `name`.

    Raises:
        UsageError: it does not run, or does not know the view.
    """
    try:
        with (
            _connected(directory() / (name + _SUFFIX)) as channel,
            channel.makefile("rw", encoding="utf-8") as lines,
        ):
            lines.write(json.dumps({"view": view}) + "\n")
            lines.flush()
            answer = json.loads(lines.readline())
    except (OSError, ValueError):
        raise UsageError(f"no host called {name!r} answers: is it running?") from None
    if "error" in answer:
        raise UsageError(answer["error"])
    result: dict[str, Any] = answer["answer"]
    return result


def _connected(path: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX)
    channel.settimeout(_PATIENCE)
    try:
        channel.connect(str(path))
    except OSError:
        channel.close()
        raise
    return channel


class Control:
    """Answers for a host, in a thread of its own, until closed.

    Args:
        host: whose tables are shown.
        name: what others call it; the host's own name if None.

    Raises:
        UsageError: a host of this name runs already, or the name cannot be a file's.
    """

    def __init__(self, host: Host, name: str | None = None) -> None:
        name = host.name if name is None else name
        if not name or "/" in name or name.startswith("."):
            raise UsageError(f"{name!r} cannot be the name of a host: no slashes, no dot in front")
        if name in running():
            raise UsageError(f"a host called {name!r} runs already: choose another name")
        self._host = host
        self.path = directory() / (name + _SUFFIX)
        self._listener = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            self._listener.bind(str(self.path))
        except OSError as fault:
            self._listener.close()
            raise UsageError(f"control socket {self.path}: {fault.strerror or fault}") from None
        finally:
            os.umask(before)
        self._listener.listen(8)
        self._thread = Thread(target=self._serve, name=f"netarium control {name}", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:  # closed
                return
            channel.settimeout(_PATIENCE)
            with channel:
                try:
                    self._answer_all(channel)
                except (OSError, ValueError):
                    continue  # whoever asked is gone or talks nonsense: not our trouble

    def _answer_all(self, channel: socket.socket) -> None:
        with channel.makefile("rw", encoding="utf-8") as lines:
            while line := lines.readline(_LONGEST_QUESTION):
                lines.write(json.dumps(self._answer(json.loads(line))) + "\n")
                lines.flush()

    def _answer(self, question: Any) -> dict[str, Any]:
        view = question.get("view") if isinstance(question, dict) else None
        if view != "tables":
            return {"error": f'unknown view {view!r}: there is "tables"'}
        host = self._host
        with host.driver.lock:
            return {"answer": snapshot(host.machine, host.driver.now()).as_dict()}

    def close(self) -> None:
        """Stop answering, remove the socket."""
        self.path.unlink(missing_ok=True)
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        except OSError:
            return
        self._listener.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
