"""Published lexicons, and those of other projects: found, verified, copied into a folder and locked."""
