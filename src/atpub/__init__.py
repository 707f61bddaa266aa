"""atpub publishes datasets to the AT Protocol from YAML manifests."""
