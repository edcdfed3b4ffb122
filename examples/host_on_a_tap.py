"""A host of ours on a TAP, beside the kernel's: it answers ping and serves this directory. Needs root.

sudo python host_on_a_tap.py        and in another terminal:  ping 10.99.0.2 ; curl http://10.99.0.2/
"""

import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import netarium
from netarium.base.errors import UsageError

try:
    tap = netarium.Tap("netarium0", peer="10.99.0.1/24")  # the kernel's end
except UsageError as fault:
    sys.exit(f"host_on_a_tap.py: {fault}")

with (
    netarium.patched(),
    netarium.Host(tap, address="10.99.0.2/24"),
    ThreadingHTTPServer(("", 80), SimpleHTTPRequestHandler) as server,
):
    print("http://10.99.0.2/ is there; Ctrl-C ends it", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("bye")
