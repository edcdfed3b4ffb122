"""Two hosts on a cable that loses one segment: the program notices nothing, TCP sends it again."""

import socket

import netarium
from netarium.link.rules import Drop
from netarium.link.selector import Selector, nth


def serve() -> bytes:
    with socket.create_server(("", 5000)) as listener, listener.accept()[0] as connection:
        return connection.makefile("rb").read()


def send() -> None:
    with socket.create_connection(("bob", 5000)) as connection:
        connection.sendall(b"hello " * 5_000)


world = netarium.World(seed=1)
alice, bob = world.hosts("alice", "bob")
cable = world.cable(alice, bob, rate="10mbit", delay="20ms")
lost = cable.add_rule(Drop(Selector(dst_port=5000, payload=True), nth(3)))

alice.run(send)
received = world.run(serve, on=bob)
print(f"{len(received)} octets arrived after {world.now / 1e6:.1f} ms of virtual time")
print(f"{lost.hits} segment was lost on the way")
