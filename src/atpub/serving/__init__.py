"""A read-only server of the local repository: XRPC over HTTP, on this machine's loopback alone."""
