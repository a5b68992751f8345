"""The law of the office: pure functions and fixed tables, each with its section.

Plain sections such as ``Civ. 1798.105`` are the California Civil Code; ``11 CCR 7021`` and the like
are the CCPA Regulations. ``(reading)`` marks what the text leaves open and this office decides.
Nothing here looks at a row, a setting or a clock.
"""
