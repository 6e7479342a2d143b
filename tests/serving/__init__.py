"""The HTTP interface for tests: a real server on loopback, over real stores, and whoever sings for it."""
