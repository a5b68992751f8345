"""A vendor that misbehaves on purpose. Its own log, outside the office, is the oracle."""
