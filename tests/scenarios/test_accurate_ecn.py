"""Accurate ECN over a line that marks, its segments and options judged by other people's programs."""

import socket
from typing import Any

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.link import rules
from netarium.link.selector import Selector

from .conftest import MakeWorld


@pytest.mark.parametrize("timestamps", [True, False])
@pytest.mark.parametrize("loss", ["0%", "1%"])
def test_both_ends_count_the_same_marks(make_world: MakeWorld, loss: str, *, timestamps: bool) -> None:
    config = MachineConfig(tcp=TcpConfig(ecn=3, timestamps=timestamps))
    world = make_world(config=config)
    sender, receiver = world.hosts("sender", "receiver")
    cable = world.cable(sender, receiver, rate=20e6, delay="5ms")
    mark = rules.Mark("8%")
    cable.add_rule(mark, direction=0)
    cable.add_rule(rules.Loss(loss), direction=0)
    content = bytes(range(256)) * 1_200
    received: list[bytes] = []
    infos: dict[str, Any] = {}

    def receive() -> None:
        with socket.create_server(("", 5_001)) as listener, listener.accept()[0] as sock:
            while piece := sock.recv(1 << 16):
                received.append(piece)
            name = f"sender:{sock.getpeername()[1]}"
            infos["receiver"] = world.connection(receiver, name).info(world.now)

    def send() -> None:
        with socket.create_connection(("receiver", 5_001)) as sock:
            sock.sendall(content)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
            infos["sender"] = world.connection(sender, "receiver:5001").info(world.now)

    receiver.run(receive)
    world.run(send, on=sender)
    assert b"".join(received) == content
    sent, got = infos["sender"], infos["receiver"]
    assert mark.hits > 3
    assert sent.tcpi_accecn_fail_mode == got.tcpi_accecn_fail_mode == 0
    assert sent.tcpi_accecn_opt_seen == got.tcpi_accecn_opt_seen == 2
    assert sent.tcpi_delivered_ce == got.tcpi_received_ce
    assert sent.tcpi_delivered_ce_bytes == got.tcpi_received_ce_bytes > 0
    assert sent.tcpi_snd_ssthresh < 1_000_000
    if loss == "0%":
        assert sent.tcpi_delivered_ce == mark.hits
        assert sent.tcpi_delivered_e0_bytes + sent.tcpi_delivered_ce_bytes == len(content)
        assert sent.tcpi_total_retrans == 0


def test_a_line_that_takes_every_syn_that_asks(make_world: MakeWorld) -> None:
    world = make_world(config=MachineConfig(tcp=TcpConfig(ecn=3)))
    sender, receiver = world.hosts("sender", "receiver")
    cable = world.cable(sender, receiver)
    cable.add_rule(rules.Drop(Selector(flags="SYN,AE")), direction=0)
    options: list[int] = []

    def receive() -> None:
        with socket.create_server(("", 5_001)) as listener, listener.accept()[0] as sock:
            sock.sendall(b"hello")

    def ask() -> None:
        with socket.create_connection(("receiver", 5_001)) as sock:
            assert sock.recv(5, socket.MSG_WAITALL) == b"hello"
            options.append(world.connection(sender, "receiver:5001").info(world.now).tcpi_options)

    receiver.run(receive)
    world.run(ask, on=sender)
    assert not options[0] & 8
