"""Every `*.pkt` here is a test."""

from netarium.testing.packetdrill.collector import collect

pytest_collect_file = collect()
