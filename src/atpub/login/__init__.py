"""Login: passwords, sessions and the keyring, and the accounts that they open."""
