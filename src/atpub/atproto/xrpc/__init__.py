"""HTTP and XRPC: requests, replies, errors and rate limits of servers (of generated classes, com.atproto.* alone)."""
