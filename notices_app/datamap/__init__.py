"""The data map: what we hold, where, and what deletion does to it."""
