"""Every TCP segment of a connection, as it was really sent: the trace is the one log that all views are made from."""

import socket

import netarium
from netarium.base.trace import Event, Segment, Trace


def watch(event: Event) -> None:
    if isinstance(event, Segment) and event.direction == "sent":
        print(
            f"{event.at / 1e6:8.3f} ms  {event.where:6} {event.flags:8} seq {event.seq} ack {event.ack} len {event.length}"
        )


def serve() -> None:
    with socket.create_server(("", 7)) as listener:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(100))


def talk() -> None:
    with socket.create_connection(("server", 7)) as connection:
        connection.sendall(b"echo me")
        connection.recv(100)


world = netarium.World(seed=2, trace=Trace(watch))
client, server = world.hosts("client", "server")
world.cable(client, server, delay="10ms")
server.run(serve)
world.run(lambda: client.run(talk).join())
