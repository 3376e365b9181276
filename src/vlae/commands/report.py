"""Write the report: figures, numbers and provenance in one HTML file."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.system.checkout import of_repository
from vlae.system.files import write_json
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--spec",
        type=Path,
        required=True,
        help="report spec, in the results folder that is read",
    )
    parser.add_argument("--out", type=Path, required=True, help="HTML to write")
    parser.add_argument(
        "--provenance", type=Path, help="JSON to write: what wrote it, from which files"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the page of a report spec, and what it was made from."""
    from vlae.report import page
    from vlae.report.html import write_page
    from vlae.report.provenance import provenance
    from vlae.results.manifest import stamp

    spec = ReportSpec.read(arguments.spec)
    results = ResultsFolder.holding(arguments.spec, lambda folder: folder.report_spec)
    made_by = provenance(spec.runs, results, stamp(spec, results))
    text = page.render(spec, of_repository("report"), results, made_by)
    write_page(arguments.out, text)
    if arguments.provenance:
        write_json(arguments.provenance, made_by.as_dict())
    say(f"[report] {arguments.out} ({len(text) / 1e6:.1f} MB)")
