"""Every TCP segment of a connection, as it was really sent: the trace is the one log that all views are made from."""

import socket

import netarium
from netarium.base.trace import Event, Segment


def watch(e: Event) -> None:
    if isinstance(e, Segment) and e.direction == "sent":
        print(f"{e.at / 1e6:8.3f} ms  {e.where:6} {e.flags:8} seq {e.seq} ack {e.ack} len {e.length}")


def serve() -> None:
    with socket.create_server(("", 7)) as listener, listener.accept()[0] as connection:
        connection.sendall(connection.recv(100))


def talk() -> None:
    with socket.create_connection(("server", 7)) as connection:
        connection.sendall(b"echo me")
        connection.recv(100)


world = netarium.World(seed=2, trace=watch)
client, server = world.hosts("client", "server")
world.cable(client, server, delay="10ms")
server.run(serve)
world.run(talk, on=client)
