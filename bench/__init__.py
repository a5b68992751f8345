"""The benchmark: what the office does, side by side with the least that could do it."""
