"""Fetching raw files, and what is known of their sources."""
