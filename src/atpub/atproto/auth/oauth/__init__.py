"""OAuth: logins that a person confirms in a browser (AT Protocol specification: OAuth, Permissions)."""
