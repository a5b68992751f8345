"""Deleted people are kept out of a host's own tables by the host's own database."""
