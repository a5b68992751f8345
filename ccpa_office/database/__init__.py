"""Django's PostgreSQL, with a cheaper look whether a kept line still stands."""
