"""The whole engine rehearsed on databases that are unlike each other."""
