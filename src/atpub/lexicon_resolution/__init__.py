"""Published lexicons: found by DNS, verified, pulled and locked; and the accounts that may publish them."""
