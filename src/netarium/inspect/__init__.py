"""F8, looking in: netstat, captures, diagrams, traces."""
