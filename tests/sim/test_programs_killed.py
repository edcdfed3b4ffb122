"""A process that ends with open sockets: they are closed for it, once, and nobody complains later."""

import gc
import socket
import time
import warnings

import netarium
from netarium.base.trace import Event, SocketEvent


def test_the_sockets_of_a_killed_process_are_closed_once_and_without_a_warning() -> None:
    events: list[Event] = []
    world = netarium.World(seed=1, trace=events.append)
    server, client = world.hosts("server", "client")
    world.cable(server, client)
    kept: list[socket.socket] = []

    def serve() -> None:
        kept.append(socket.create_server(("", 80)))
        kept.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        time.sleep(1_000)

    def main() -> None:
        process = server.run(serve)
        time.sleep(1)
        process.kill()
        time.sleep(1)
        assert server.machine.sockets.endpoints() == []

    world.run(main)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kept.clear()
        gc.collect()
    assert caught == []
    closed = [event.socket for event in events if isinstance(event, SocketEvent) and event.change == "closed"]
    assert len(closed) == len(set(closed)) == 2
