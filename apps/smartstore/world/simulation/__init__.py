"""The simulated retailer: its range, its visitors, its prices."""
