"""What applying a manifest would change."""
