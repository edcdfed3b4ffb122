"""The test language packetdrill, run against a machine of ours in process and in virtual time."""
