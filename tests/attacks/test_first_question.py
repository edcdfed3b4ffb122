"""What goes wrong when nobody is known yet."""

from .lab import TARGET, Lab


def test_the_question_for_a_neighbour_leaves_with_the_segment_that_waits_for_it() -> None:
    """A connection is asked for its SYN last of all; the ARP request that this provokes must not wait for a timer."""
    lab = Lab(peer=True)
    listener = lab.listener()
    assert lab.peer is not None
    client = lab.peer.tcp.open(4, lab.now)
    client.connect(TARGET, 80, lab.now)
    lab.run()
    assert client.state_name == "ESTABLISHED"
    assert listener.accept(lab.now) is not None
    lab.check()
