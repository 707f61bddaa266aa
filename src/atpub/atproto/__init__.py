"""The AT Protocol and nothing else: its syntax, data model, lexicons, repositories, identities, servers and logins."""
