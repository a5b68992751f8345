"""Is this installation sound? Each finding says what is wrong and what cures it.

Rooms: ``finding`` (the shape), ``surroundings`` (settings, disk, broker, mail, backups),
``engine`` (the database and its settings), ``records`` (the book, the clock, work, staff). The
floors above add theirs in a function ``doctor_findings`` of their ``checks`` room.
"""
