"""The calls that wait for readiness: poll, epoll_create, epoll_ctl, epoll_wait, select is not in the language."""

from typing import Final

from netarium.socket.poll import Epoll, Poll
from netarium.socket.socket import Socket
from netarium.testing.packetdrill.calls import Calls, Handler, error, field, integer, listed
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.files import PipeEnd
from netarium.testing.packetdrill.script import ANY, Call, Value
from netarium.transport.endpoint import POLLHUP, POLLIN, POLLNVAL, POLLOUT

_ADD, _DEL, _MOD = 1, 2, 3
_DATA: Final = ("fd", "ptr", "u32", "u64")
_UNKNOWN: Final = -1


def poll(calls: Calls, call: Call) -> int:
    """The call poll: revents of each struct is what must come."""
    structs = [each for each in listed(call, 0) if isinstance(each, dict)]
    known = all(not each.keys() - {"fd", "events", "revents"} for each in structs)
    if len(structs) != integer(call, 1) or not known:
        raise NotUnderstood(f"{call.arguments[0]!r} as {call.arguments[1]} structs pollfd")
    at_once = {at: _poll_other(calls, each) for at, each in enumerate(structs)}
    watched = Poll()
    timeout = 0 if any(at_once.values()) else integer(call, 2)
    for each in structs:
        one = calls.open_files.get(field(each, "fd"))
        if isinstance(one, Socket):
            watched.register(one, field(each, "events"))
    ready = dict(watched.poll(timeout))
    count = 0
    for at, each in enumerate(structs):
        one = calls.open_files.get(field(each, "fd"))
        got = ready.get(one.fileno(), 0) if isinstance(one, Socket) else at_once[at]
        count += bool(got)
        wanted = each.get("revents", ANY)
        if isinstance(wanted, int) and wanted != got:
            raise Mismatch(f"fd {each['fd']} revents {wanted:#x}", f"{got:#x}")
    return count


def _poll_other(calls: Calls, struct: dict[str, Value]) -> int:
    """What poll() says of what is no socket: a pipe, or a descriptor that leads nowhere."""
    fd, events = field(struct, "fd"), field(struct, "events")
    one = calls.open_files.get(fd)
    if fd < 0 or isinstance(one, Socket):
        return 0
    if one is None:
        return POLLNVAL
    if isinstance(one, PipeEnd) and not one.writes:
        ended = 0 if one.pipe.writers else POLLHUP
        return (POLLIN & events if one.pipe.octets else 0) | ended
    if isinstance(one, PipeEnd):
        return POLLOUT & events if one.pipe.room >= 4_096 else 0
    if isinstance(one, Epoll):
        raise NotUnderstood("poll() of an epoll descriptor")
    return events & (POLLIN | POLLOUT)


def epoll_create(calls: Calls, call: Call) -> int:
    """The call epoll_create or epoll_create1."""
    if call.name == "epoll_create" and integer(call, 0) <= 0:
        raise error("EINVAL")
    return calls.enter(call, Epoll())


def _epoll(calls: Calls, call: Call) -> Epoll:
    found = calls.any(call)
    if not isinstance(found, Epoll):
        raise error("EINVAL")
    return found


def epoll_ctl(calls: Calls, call: Call) -> int:
    """The call epoll_ctl."""
    epoll, operation = _epoll(calls, call), integer(call, 1)
    thing = calls.any(call, 2)
    if thing is epoll:
        raise error("EINVAL")
    if not isinstance(thing, Socket):
        raise NotUnderstood("epoll_ctl() with what is no socket")
    if operation == _DEL:
        epoll.unregister(thing)
        return 0
    event = call.arguments[3]
    if isinstance(event, int):
        raise error("EFAULT")
    if operation not in {_ADD, _MOD}:
        raise error("EINVAL")
    if not isinstance(event, dict) or not event.keys() <= {"events", *_DATA}:
        raise NotUnderstood(f"{event!r} as struct epoll_event")
    (epoll.register if operation == _ADD else epoll.modify)(thing, field(event, "events"))
    calls.epoll_data[epoll, thing.fileno()] = next((event[name] for name in _DATA if name in event), ANY)
    return 0


def epoll_wait(calls: Calls, call: Call) -> int:
    """The call epoll_wait or epoll_pwait: the events that the script writes are what must come, in their order."""
    epoll, most, timeout = _epoll(calls, call), integer(call, 2), integer(call, 3)
    wanted = call.arguments[1]
    structs = wanted if isinstance(wanted, list) else [wanted]
    if most <= 0:
        raise error("EINVAL")
    if any(isinstance(each, dict) and each.keys() - {"events", *_DATA} for each in structs):
        raise NotUnderstood(f"{wanted!r} as struct epoll_event")
    got = epoll.poll(None if timeout < 0 else timeout / 1_000, most)
    if got and isinstance(wanted, int):
        raise error("EFAULT")
    found = [(calls.epoll_data.get((epoll, number), _UNKNOWN), events) for number, events in got]
    for at, each in enumerate(structs[: len(found)]):
        if isinstance(each, dict):
            _compare(each, found, at)
    return len(got)


def _compare(wanted: dict[str, Value], found: list[tuple[Value, int]], at: int) -> None:
    """Descriptors that are ready at the same time may come in any order if the script tells them apart."""
    data = next((wanted[name] for name in _DATA if name in wanted), ANY)
    got = next((events for each, events in found if each == data), None) if data is not ANY else found[at][1]
    if got is None or wanted.get("events", ANY) not in (ANY, got):
        shown = ", ".join(f"{events:#x} of {each}" for each, events in found)
        raise Mismatch(f"events {wanted.get('events')} of {data}", shown)


HANDLERS: Final[dict[str, Handler]] = {
    "poll": poll,
    "epoll_create": epoll_create,
    "epoll_create1": epoll_create,
    "epoll_ctl": epoll_ctl,
    "epoll_wait": epoll_wait,
    "epoll_pwait": epoll_wait,
}
