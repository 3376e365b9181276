"""What the user wrote, checked and resolved to the spec and the files of each job."""
