"""Other doors than the pages: files and machines that bring what consumers ask."""
