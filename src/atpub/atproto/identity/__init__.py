"""Handles and DIDs: who an account is, and on which server (of generated classes, com.atproto.* alone)."""
