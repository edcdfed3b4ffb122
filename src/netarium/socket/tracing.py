"""Calls in the trace: each call of the Socket library is an event, and the cause of what happens because of it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from netarium.base.trace import Call, Trace
from netarium.socket.descriptors import Description

P = ParamSpec("P")
R = TypeVar("R")
_LONGEST: Final = 60  # characters of an argument or result
_PLAIN: Final = (str, int, float, type(None))


class Traced(Protocol):
    """A socket."""

    _trace: Trace | None
    _description: Description


S = TypeVar("S", bound=Traced)


def traced(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a method of Socket be seen in the trace; without a listener this costs one test."""
    name = method.__name__

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        trace = self._trace
        if trace is None:
            return method(self, *args, **kwargs)
        told = [_short(arg) for arg in args] + [f"{key}={_short(value)}" for key, value in kwargs.items()]
        event = _event(self._description, name, ", ".join(told))
        before = trace.cause
        trace.cause = cause = trace.emit(event)
        result = ""
        try:
            value = method(self, *args, **kwargs)
            result = _short(value)
        except BaseException as fault:
            result = f"{type(fault).__name__}: {fault}"
            raise
        finally:
            after = _event(self._description, name, "")
            after.result, after.cause = result, cause
            trace.emit(after)
            trace.cause = before
        return value

    return call


def _event(description: Description, name: str, args: str) -> Call:
    host, process = description.host, description.process
    return Call(
        at=host.driver.now(),
        where=host.machine.name,
        pid=process.pid,
        process=process.name,
        fd=description.descriptor,
        call=name,
        args=args,
    )


def _short(value: object) -> str:
    """A value as a person wants to see it in one line."""
    if isinstance(value, bytearray) or (isinstance(value, memoryview) and not value.readonly):
        return f"buffer of {len(value)} octets"  # to be filled: what lies in it now differs from run to run
    if isinstance(value, (bytes, memoryview)):
        octets = bytes(value[: _LONGEST // 2])
        more = f" … {len(value)} octets" if len(value) > len(octets) else ""
        return f"{octets!r}{more}"
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    description = getattr(value, "_description", None)
    if isinstance(
        description, Description
    ):  # by its number in the process: fileno() counts across all worlds
        return f"socket {description.descriptor}"
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
