"""Recorders of the engines people already run, and what brokers have done; each needs the extra of its name."""
