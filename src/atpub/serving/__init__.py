"""A read-only server of the embedded repository: XRPC over HTTP, on this machine's loopback alone."""
