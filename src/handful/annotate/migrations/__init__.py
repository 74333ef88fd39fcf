"""How the ledger's tables came to be, version by version (Alembic). A version that was released is never changed."""
