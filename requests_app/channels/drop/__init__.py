"""The state's deletion platform (DROP): its lists, and who of the business's consumers they mean.

Civ. 1798.99.86; the lists are read from files. Fetching them and reporting back come later.
"""
