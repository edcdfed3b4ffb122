"""TCP: one job, one file. RFC 9293 and its company."""
