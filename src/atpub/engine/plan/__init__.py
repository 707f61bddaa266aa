"""Plans: what applying a manifest would change."""
