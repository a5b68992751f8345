"""The open-source peer, whole, from its published package: installed, run, and measured beside."""
