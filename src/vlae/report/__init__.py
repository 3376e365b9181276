"""The report, references, comparison, explorer and RO-Crate. Imports no torch."""
