"""Fetching raw files from mirrors, and noticing that their sources have changed."""
