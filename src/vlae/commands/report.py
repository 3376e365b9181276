"""Write the report: figures, numbers and provenance in one HTML file."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.system.files import atomic, read_json, write_json
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spec", type=Path, required=True, help="report spec")
    parser.add_argument("--template", type=Path, required=True, help="report/ folder")
    parser.add_argument("--results", type=Path, required=True, help="results folder")
    parser.add_argument("--out", type=Path, required=True, help="HTML to write")
    parser.add_argument(
        "--provenance", type=Path, help="JSON to write: what wrote it, from which files"
    )


def run(arguments: argparse.Namespace) -> None:
    from vlae.report import page as report_page
    from vlae.report import provenance
    from vlae.results.manifest import stamp

    spec = read_json(arguments.spec, "report spec")
    made_by = provenance.provenance(spec["runs"], arguments.results)
    page = report_page.render(spec, arguments.template, arguments.results, made_by)
    with atomic(arguments.out) as temporary:
        temporary.write_text(page)
    if arguments.provenance:
        files = stamp(ReportSpec.of(spec), ResultsFolder(arguments.results))
        write_json(arguments.provenance, {**made_by, "files": files})
    say(f"[report] {arguments.out} ({len(page) / 1e6:.1f} MB)")
