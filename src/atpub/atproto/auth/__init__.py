"""Logins: sessions, and the store that keeps them between runs (of generated classes, com.atproto.* alone)."""
