"""PostgreSQL and what speaks its language."""
