"""Getting sessions out of a damaged file."""
