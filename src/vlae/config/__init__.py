"""What the user wrote, checked and resolved: the spec of every job, its files and needs."""
