"""Models behind servers: one adapter a protocol, and around them the cache, the limits and the ledger."""
