"""What lies in a results folder, and what each rule reads of it. Imports no torch."""
