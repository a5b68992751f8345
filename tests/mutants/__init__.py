"""Mistakes made on purpose, each of which the suite must notice."""
