"""Recorders of the engines people already run, one module an engine; each needs the extra of its name."""
