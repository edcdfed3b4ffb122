"""F7, virtual time: worlds of machines and cables on one agenda; one seed, one trace."""

from netarium.sim.errors import Deadlock, OutOfTime, ProcessKilled
from netarium.sim.host import Host
from netarium.sim.partition import Partition
from netarium.sim.process import Process
from netarium.sim.world import World

__all__ = ["Deadlock", "Host", "OutOfTime", "Partition", "Process", "ProcessKilled", "World"]
