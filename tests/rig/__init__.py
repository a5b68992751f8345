"""The rig: the whole office as real processes, broken on purpose, compared with a clean run."""
