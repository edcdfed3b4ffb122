"""F3, the Internet layer: interfaces, neighbours, routes, IP, ICMP, fragments."""
