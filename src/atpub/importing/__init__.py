"""Live records → the manifest that says them."""
