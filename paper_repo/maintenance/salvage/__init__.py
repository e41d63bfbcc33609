"""Salvaging: getting sessions out of a damaged file."""
