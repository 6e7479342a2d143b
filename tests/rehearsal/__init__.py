"""A rehearsal of the cloud on one machine: two instances in turn, their stores, their queue, and outages."""
