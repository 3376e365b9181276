"""The pipeline as a user runs it: real Snakemake on a copy of the working tree."""

import html
import json
import re
import shlex
import shutil
import subprocess
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import rulegraph
import table_pages
from workflow_helpers import (
    TINY,
    contents,
    copied_tree,
    edit,
    hide_undeclared_files,
    jobs,
    planned,
    results,
    snakemake,
)

from vlae.__main__ import main
from vlae.config.overlays import BASE
from vlae.report import page as report_page
from vlae.system.checkout import ROOT

OVERLAYS = sorted(p for p in (ROOT / "config").glob("*.yaml") if p.stem not in BASE)


SHOWN = {  # experiments of a run, and the figures and claims that need them
    "strokes/vlae": (
        [
            *("recomposed", "graph", "inference", "codes", "stability"),
            "swapping",
        ],
        ["figure1", "figure4", "figure5", "swapping"],
        ["F1", "F3", "F5", "stable-codes", "equal-budget", "layer-order"],
    ),
    "strokes-colour/vlae": (
        [],
        ["figure6"],
        ["F3"],
    ),
}


def after_training(run):
    """What follows from a training of `run`."""
    experiments, figures, claims = SHOWN[run]
    explored = {f"export {run}/1", "explorer"} if run == "strokes/vlae" else set()
    return explored | {
        *(f"experiment {run}/1/{e}" for e in (*experiments, "generation")),
        *(f"figure {figure}" for figure in figures),
        *(f"claim {name}" for name in claims),
        "verdicts",
        "report",
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return copied_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def finished(tree):
    """A folder in which the tiny pipeline has run; not to be changed."""
    printed = snakemake(tree)
    assert {"prepare strokes", "train strokes/vlae/1", "report"} <= jobs(printed)
    (tree / "printed.txt").write_text(printed)
    return tree


@pytest.fixture
def work(finished, tmp_path):
    """A copy of it, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "work"))


# The result


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.tags = []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(finished):
    return Page(finished / "results" / "report.html")


def test_report_is_one_self_contained_file(page):
    assert [t for t, _ in page.tags].count("html") == 1
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            if name in attributes:
                value = attributes[name]
                inside = value.startswith(("#", "data:")) or value == "explorer.html"
                assert inside, f"{tag} {name}={value[:80]}"
        assert "url(" not in attributes.get("style", "")
    assert not [a for a in page.all("script") if "src" in a]
    assert not page.all("link") and not page.all("iframe")


def test_report_style_loads_nothing(finished):
    text = (finished / "results" / "report.html").read_text()
    style = text.split("<style>")[1].split("</style>")[0]
    assert "@import" not in style
    assert all(
        found.startswith("data:") for found in re.findall(r"url\(\W?(.*?)\)", style)
    )


def test_report_images_are_inside_and_described(page):
    images = page.all("img")
    assert len(images) >= 3 + 3  # figures, and the images of each run
    for image in images:
        assert image["src"].startswith("data:image/webp;base64,UklGR")
        assert len(image["alt"]) > 10


def test_report_has_a_section_for_every_figure_and_working_links(page):
    sections = {a.get("id") for a in page.all("section")}
    assert {"figure1", "figure2", "figure4", "residuals"} <= sections
    known = {a["id"] for _, a in page.tags if "id" in a}
    links = {a["href"] for a in page.all("a")} - {"explorer.html"}
    assert {link[1:] for link in links} <= known


def test_report_names_files_that_exist(finished):
    text = (finished / "results" / "report.html").read_text()
    named = set(re.findall(r"<li><code>((?:results|src|config)/[^<]+)</code>", text))
    assert "results/figures/figure5.{svg,png,spec.json}" in named
    assert any("strokes/vlae/1/{traversal,effects}." in path for path in named)
    # As the shell expands them.
    subprocess.run(["bash", "-c", f"ls {' '.join(named)}"], cwd=finished, check=True)


@pytest.mark.slow
def test_snakemakes_own_report_holds_ours(finished, tmp_path):
    """Figures, verdicts and our page, each with its caption."""
    snakemake(finished, "--report", str(tmp_path / "all.zip"))
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        members = [n for n in archive.namelist() if "/data/raw/" in n]
        for ours in ("report.html", "claims.parquet", "figure2.svg"):
            (member,) = [name for name in members if Path(name).name == ours]
            (original,) = (finished / "results").rglob(ours)
            assert archive.read(member) == original.read_bytes()
        index = archive.read("all/report.html").decode()
    for part in (
        "Gibbs chains that use no prior",
        "The verdicts of all claims",
    ):
        assert part in index
    assert planned(finished) == set()


def test_report_leads_to_the_explorer_of_the_runs_that_it_shows(finished, page):
    assert "explorer.html" in {a["href"] for a in page.all("a")}
    explorer = Page(finished / "results" / "explorer.html")
    assert [a["value"] for a in explorer.all("option")] == ["strokes/vlae"]


@pytest.mark.slow
def test_an_edit_of_the_explorer_concerns_it_alone(work):
    script = work / "report" / "explorer" / "explorer.js"
    script.write_text(script.read_text() + "\n")
    assert planned(work) == {"explorer"}
    edit(work, "training/onnx_export.py", "\nEDITED = True\n")
    assert planned(work) == {"export strokes/vlae/1", "explorer"}


def test_report_says_how_to_make_it_again(finished):
    text = (finished / "results" / "report.html").read_text()
    assert f"snakemake --cores 2 --configfile {TINY}" in text


@pytest.mark.slow
def test_what_was_given_in_the_command_is_in_the_report(tmp_path):
    """But for what concerns the machine alone."""
    tree, target = copied_tree(tmp_path), "results/report.spec.json"
    given = ["title=My own", "data_memory_mb=9", "datasets={mnist: {licence: none}}"]
    snakemake(tree, "--config", *given, "--", target)
    spec = json.loads((tree / target).read_text())
    nested = {"mnist": {"licence": "none"}}
    assert spec["config"] == {"title": "My own", "datasets": nested}
    again = shlex.split(report_page.command(spec["overlays"], spec["config"]))
    (tree / target).unlink()
    snakemake(tree, "--", target, config=again[3:])
    assert json.loads((tree / target).read_text()) == spec


def test_report_opens_with_the_verdicts(finished, page):
    text = (finished / "results" / "report.html").read_text()
    assert text.index("</header>") < text.index('id="verdicts"') < text.index("<nav")
    first = text.split('id="verdicts"')[1].split("</section>")[0]
    verdicts = pd.read_parquet(finished / "results" / "tables" / "claims.parquet")
    tested = int((verdicts["passed"] != "").sum())
    assert first.count("<strong>") == tested > 0, "what came out in the seed"
    assert first.count('class="verdict ') == len(verdicts) - tested > 8
    each = text.split('id="claims"')[1].split("</section>")[0]
    assert each.count('class="verdict ') == len(verdicts)
    assert set(verdicts["verdict"]) <= {"not measured", "shown only"}
    for name in verdicts["id"].unique():
        assert f'href="#claim-{name}"' in first
        words = verdicts[verdicts["id"] == name]["criterion"].iloc[0]
        assert words in html.unescape(text)
    assert {*verdicts["id"]} == {
        *("F1", "F3", "F5", "P1", "P3"),
        *("equal-budget", "gaussian-residuals", "layer-order", "stable-codes"),
    }
    known = {a["id"] for _, a in page.tags if "id" in a}
    assert {"claim-F3", "claim-F5"} <= known


def test_every_stage_leaves_its_files(finished):
    found = {str(path) for path in results(finished)}
    for name in (
        "data/strokes/card.json",
        "runs/strokes/vlae/1/model.safetensors",
        "runs/strokes/vlae/1/history.parquet",
        "experiments/strokes/hvae-matched/1/chains.npz",
        "experiments/strokes/hvae-matched/1/chains.parquet",
        "figures/figure2.svg",
        "claims/F3.findings.parquet",
        "tables/claims.parquet",
        "logs/train/strokes/vlae/1.log",
        "benchmarks/train/strokes/vlae/1.tsv",
    ):
        assert f"results/{name}" in found
    log = (finished / "results/logs/train/strokes/vlae/1.log").read_text()
    assert "12/12" in log


def test_the_page_of_tables_lists_their_columns(finished):
    results = finished / "results"
    names = set(table_pages.written(results).values())
    assert {"effects", "chains", "residuals", "history", "claims", "findings"} <= names
    page = table_pages.PAGE.read_text(encoding="utf-8")
    assert table_pages.differences(page, results) == []


def test_jobs_write_declared_files_only(finished):
    printed = snakemake(finished, "--list-untracked")
    untracked = re.findall(r"^(?:\./)?(results/\S+)", printed, re.MULTILINE)
    # The first are Snakemake's own; no rule knows of the second.
    assert {path.split("/")[1] for path in untracked} == {"benchmarks", "checkpoints"}


@pytest.mark.slow
def test_jobs_read_declared_files_only(finished, tmp_path):
    """The same bytes come out where no other file can be seen."""
    tree = copied_tree(tmp_path)
    hide_undeclared_files(tree)
    snakemake(tree)
    assert contents(tree / "results") == contents(finished / "results")


@pytest.mark.slow
def test_figures_and_report_of_two_seeds(work, monkeypatch):
    """A second seed is made up of the first: a pipeline for it would take long."""
    monkeypatch.chdir(work)
    for first in Path("results").glob("*/strokes*/*/1"):
        second = Path(shutil.copytree(first, first.with_name("2")))
        for path in second.glob("*.parquet"):
            table = pd.read_parquet(path)
            if "seed" in table:
                table.assign(seed=2).to_parquet(path, index=False)
    figures = (f"figure{number}" for number in (2, 3, 5, 6))  # others show the first
    for name in (*figures, "residuals"):
        spec = Path("results", "figures", f"{name}.spec.json")
        two_seeds(spec)
        out = spec.with_name(spec.name.removesuffix(".spec.json") + ".svg")
        before = out.read_bytes()
        assert main(["figure", "--spec", str(spec), "--out", str(out)]) == 0
        assert out.read_bytes() != before
    spec = Path("results/report.spec.json")
    two_seeds(spec)
    assert main(["report", "--spec", str(spec), "--out", "two.html"]) == 0
    assert "seeds 1, 2" in Path("two.html").read_text()


def two_seeds(path):
    """Replace the seeds [1] of a spec, at any depth, by [1, 2]."""

    def replaced(node):
        if isinstance(node, dict):
            return {k: replaced(v) for k, v in node.items()}
        if node == [1]:
            return [1, 2]
        return [replaced(v) for v in node] if isinstance(node, list) else node

    path.write_text(json.dumps(replaced(json.loads(path.read_text()))))


# What is said while it runs


def test_work_is_counted_and_spec_files_are_not(finished):
    printed = (finished / "printed.txt").read_text()
    runs = len([*(finished / "results" / "runs").glob("*/*/*")])
    made = len([*(finished / "results" / "experiments").glob("*/*/*/*.npz")])
    opening = f"work of this call: preparations 2, trainings {runs}, experiments {made}"
    assert printed.count(opening) == 1
    lines = re.findall(r"^\[\d\d:\d\d:\d\d\] (.*)$", printed, re.MULTILINE)
    rules = "prepare|train|experiment_(?!spec)\\w+|figure|claim|export|explorer|report"
    assert len(lines) == len(
        re.findall(rf"^(?:local)?rule (?:{rules}):", printed, re.M)
    )
    assert sum(line.startswith("trainings") for line in lines) >= runs - 2
    assert any(f"experiments {made} of {made}" in line for line in lines)
    assert " left for trainings" in printed and lines[-1] == "report 1 of 1"
    assert "steps (" not in re.sub(r"(?m)^\[strokes.*", "", printed)


def test_after_a_failure_it_is_said_how_to_go_on(tmp_path):
    tree, card = copied_tree(tmp_path), "results/data/strokes/card.json"
    edit(tree, "commands/prepare.py", "\n\ndef run(_):\n    raise SystemExit(3)\n")
    printed = snakemake(tree, "--", card, check=1)
    assert printed.count("The same command continues.") == 1


@pytest.mark.slow
def test_a_failure_to_count_stops_nothing(tmp_path):
    tree, card = copied_tree(tmp_path), "results/data/strokes/card.json"
    edit(tree, "system/work_progress.py", "\nKINDS = None\n")
    printed = snakemake(tree, "--", card)
    assert printed.count("The lines about the work that is left end here") == 1
    assert (tree / card).is_file() and "Traceback" not in printed


# What runs again, and what does not


@pytest.mark.slow
def test_the_catalogues_snakefile_is_the_same_workflow(tree):
    """Its tools look for `workflow/Snakefile`."""
    wanted = ["results/figures/figure6.svg"]
    assert planned(tree, "-s", "workflow/Snakefile", "--", *wanted) == planned(
        tree, "--", *wanted
    )


def test_second_call_does_nothing(finished):
    assert "Nothing to be done" in snakemake(finished)


@pytest.mark.slow
def test_code_elsewhere_that_nobody_may_write_to(finished, tmp_path):
    """The pages are written again where results lie, and nothing else is."""
    clone = tmp_path / "Klon von 'Müller' \"ä\""
    work = tmp_path / "Ergebnisse 'für' \"mich\""
    shutil.copytree(finished, clone)
    work.mkdir()
    for name in ("results", ".snakemake"):
        (clone / name).rename(work / name)
    before, paths = results(work), {clone, *clone.rglob("*")}
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    there = ["-s", str(clone / "Snakefile"), "--configfile", str(clone / TINY)]
    # The spec of the report names the overlay, which has another path from here.
    assert planned(work, *there, config=[]) == {"report_spec", "report"}
    printed = snakemake(work, *there, "--forcerun", "report", "explorer", config=[])
    assert "is not a git clone, as after a download" in printed
    changed = {p for p, facts in results(work).items() if before.get(p) != facts}
    made = {p.name for p in changed if "logs" not in p.parts and p.suffix != ".tsv"}
    pages = {"report.html", "report.provenance.json", "explorer.html"}
    assert made == {"report.spec.json", *pages}
    assert {p for p in clone.rglob("*") if "__pycache__" not in str(p)} < paths
    text = html.unescape((work / "results" / "report.html").read_text(encoding="utf-8"))
    command = ["snakemake", "-s", f"../{clone.name}/Snakefile", "--cores", "2"]
    command += ["--configfile", f"../{clone.name}/{TINY}"]
    assert shlex.join(command) in text
    assert f"unknown: {clone} is not a git clone" in text
    for path in paths:  # so that the folder can be removed
        path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.slow
def test_without_a_record_a_change_is_not_seen_and_that_is_said(finished, work):
    known = "no record of what made them"
    assert known not in snakemake(finished, "-n")
    shutil.rmtree(work / ".snakemake")
    edit(work, "models/vlae.py", "\nEDITED = True\n")
    for _ in range(2):  # the first leaves an empty folder of records
        printed = snakemake(work, "-n")
        assert jobs(printed) == set() and printed.count(known) == 1


@pytest.mark.slow
def test_memory_for_images_reaches_the_training_and_repeats_none(finished):
    memory = ["--config", "data_memory_mb=123"]
    assert planned(finished, *memory) == set()
    said = snakemake(finished, "-n", "-p", "--forcerun", "train", *memory)
    assert "--data-memory-mb 123 " in said


def test_learning_rate_of_one_run(work):
    (work / "mine.yaml").write_text(
        "runs: {strokes: {vlae: {training: {learning_rate: 0.002}}}}\n"
    )
    assert planned(work, config=["--configfile", TINY, "mine.yaml"]) == {
        "run_spec strokes/vlae/1",
        "train strokes/vlae/1",
        *after_training("strokes/vlae"),
        "report_spec",  # it names the overlays
    }


def test_edits_of_code(work):
    edit(work, "models/vlae.py", "\n# A comment.\n")
    assert planned(work) == set()  # nor does another folder change anything
    edit(work, "figures/figure3.py", "\nEDITED = True\n")
    assert planned(work) == {"figure figure3", "report"}
    edit(work, "models/vlae.py", "\nEDITED = True\n")
    assert planned(work) == {
        "train strokes/vlae/1",
        *after_training("strokes/vlae"),
        "train strokes-colour/vlae/1",
        *after_training("strokes-colour/vlae"),
        "figure figure3",
    }


def test_an_edit_of_a_measure_concerns_who_measures_with_it(work):
    edit(work, "experiments/measures/faces.py", "\nEDITED = True\n")
    assert planned(work) == set()
    edit(work, "experiments/measures/strokes.py", "\nEDITED = True\n")
    assert planned(work) == {
        "experiment strokes/vlae/1/generation",
        "experiment strokes/vlae/1/codes",
        "experiment strokes/vlae/1/stability",
        "experiment strokes/vlae/1/swapping",
        "experiment strokes/vae-equal-budget/1/generation",
        "experiment strokes/hvae-matched/1/generation",
        "experiment strokes/hvae-matched/1/chains",
        *(f"figure figure{i}" for i in (2, 3, 5)),
        "figure swapping",
        *(f"claim {name}" for name in ("F3", "F5", "P1", "P3")),
        *("claim stable-codes", "claim equal-budget", "claim layer-order"),
        "verdicts",
        "report",
    }


def test_a_criterion_concerns_its_claims_alone(work):
    """Those that take its numbers; no experiment, let alone a training."""
    path = work / "config" / "claims.yaml"
    changed = path.read_text().replace("largest: {value: 0.6", "largest: {value: 0.7")
    path.write_text(changed)
    assert planned(work) == {
        *("claim_spec F3", "claim F3"),
        *("claim_spec equal-budget", "claim equal-budget"),
        "verdicts",
        "report_spec",
        "report",
    }


def test_a_deleted_figure_is_redrawn_without_training(work):
    figure = work / "results" / "figures" / "figure3.svg"
    drawn = figure.read_bytes()
    figure.unlink()
    before = results(work)
    assert jobs(snakemake(work)) == {"figure figure3", "report"}
    assert figure.read_bytes() == drawn
    after = results(work)
    changed = {str(path) for path in after if after[path] != before.get(path)}
    assert not [p for p in changed if p.startswith(("results/runs", "results/data"))]
    assert not [p for p in changed if p.startswith("results/experiments")]
    assert "results/report.html" in changed


# What is refused before any job


def test_refused_before_any_job(finished, tmp_path):
    before, message = results(finished), "unknown key 'sedes'"
    path = tmp_path / "wrong.yaml"
    path.write_text("sedes: [1]\n")
    words = ["--configfile", TINY, str(path)]
    printed = snakemake(finished, "--forceall", config=words, check=1)
    assert message in printed
    assert "Traceback" not in printed
    assert jobs(printed) == set()
    assert results(finished) == before


MIRRORED = ["--configfile", "config/mnist-cpu.yaml", "--config", "mirror=/nowhere"]


def test_a_mirror_that_is_not_there_is_named_where_snakemake_starts(tree):
    words, said = ["-n", "prepare"], "mirror: no folder '/nowhere'"
    assert said in snakemake(tree, *words, config=MIRRORED, check=1)
    # On a cluster's node, which has other disks, and where nothing is downloaded.
    snakemake(tree, "-n", "--mode", "remote", config=MIRRORED)


@pytest.mark.slow
def test_an_unchecked_file_is_fetched_again_when_its_source_changed(tmp_path):
    """And what follows with it; not when the source is merely not there."""
    tree, mirror = copied_tree(tmp_path / "tree"), tmp_path / "mirror"
    images = mirror / "mnist" / "mine"
    images.mkdir(parents=True)
    (images / "a.png").write_bytes(b"a")
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        f"mirror: {mirror}\nextends: config/mnist-cpu.yaml\ndatasets: {{mnist: {{files:"
        " {test_labels: {remote: mine.zip, checksum: null}}}}\n"
    )
    config = ["--configfile", str(overlay)]
    target = "results/raw/mnist/t10k-labels-idx1-ubyte"

    def planned_again():
        return jobs(snakemake(tree, "-n", "--", target, config=config))

    snakemake(tree, "--", target, config=config)
    assert planned_again() == set()
    (images / "b.png").write_bytes(b"b")
    assert planned_again() == {"download mnist/t10k-labels-idx1-ubyte"}
    snakemake(tree, "--", target, config=config)
    assert planned_again() == set()
    images.rename(images.with_name("elsewhere"))
    assert planned_again() == set()
    (images.with_name("mine.zip")).write_bytes(b"another")
    assert planned_again() == {"download mnist/t10k-labels-idx1-ubyte"}


# What ships

ONE_SEED = ["--config", "seeds=[31]"]
"""Other seeds have the same jobs, and planning all of them takes 15 seconds."""


def test_all_data_are_one_target(tree):
    """Of the paper; nothing is trained."""
    found = planned(tree, "--", "data", config=[])
    assert {job.split()[0] for job in found} == {
        *("data_spec", "sources", "download", "prepare", "data")
    }
    prepared = {job for job in found if job.startswith("prepare")}
    assert prepared == {
        f"prepare {name}" for name in ("celeba", "mnist", "strokes", "svhn")
    }


QUICK = ("demo", "mnist-cpu-seeds")
"""Overlays whose dry runs are not left to the slow tests."""


@pytest.mark.parametrize(
    "overlay",
    [
        pytest.param(None, id="paper"),
        *(
            pytest.param(
                path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow
            )
            for path in OVERLAYS
        ),
    ],
)
def test_dry_run_of_what_ships(tree, overlay):
    config = ["--configfile", f"config/{overlay.name}"] if overlay else []
    printed = snakemake(tree, "-n", "--forceall", *ONE_SEED, config=config)
    assert "report" in jobs(printed)
    assert "rror" not in printed


@pytest.fixture(scope="module")
def paper_under_slurm(tree):
    """What Snakemake prints of each job of the whole paper."""
    words = ["-n", "--forceall", "--profile", "slurm", *ONE_SEED]
    return snakemake(tree, *words, config=[])


def test_under_slurm_trainings_ask_for_gpus_and_for_time(paper_under_slurm):
    asked = blocks(paper_under_slurm, "train")
    assert set(re.findall(r"mnist/vlae/.*(gpu=\d)", asked)) == {"gpu=1"}
    minutes = re.search(r"celeba/vlae/.*runtime=(\d+)", asked)
    assert minutes and 100 < int(minutes[1]) < 300


def test_only_what_prepares_trains_or_tries_is_a_job():
    """For the rest the machine where Snakemake runs is enough, without a GPU."""
    rules = rulegraph.rules(ROOT / "workflow" / "rules")
    jobs = {rule.name for rule in rules if not rule.local}
    assert jobs == {"prepare", "train", "experiment"}
    specs = (ROOT / "workflow" / "rules" / rulegraph.SPECS_FILE).read_text()
    assert "localrule: True" in specs


def test_under_slurm_resources_are_those_that_rules_ask_and_the_site_sets(tree):
    one, each = "experiment_generation:mem_mb=777", "experiment:mem_mb=888"
    words = ["-n", "--forceall", "--profile", "slurm", "--set-resources", one, each]
    printed = snakemake(tree, *words)
    asked = blocks(printed, "export")
    assert "strokes/vlae/1/" in asked and "mem_mb=4000" in asked
    assert "gpu" not in asked
    # What is said of all experiments holds, unless something else is said of one.
    for rule, megabytes in (("generation", 777), ("inference", 888)):
        asked = blocks(printed, f"experiment_{rule}")
        assert {*re.findall(r"mem_mb=(\d+)", asked)} == {str(megabytes)}


def test_under_slurm_cpus_do_not_depend_on_the_machine_that_submits(paper_under_slurm):
    """Here one with two cores, by `OPTIONS`."""
    printed = paper_under_slurm
    for rule, name, cpus in (
        *(("train", "mnist/vlae", 4), ("experiment_generation", "mnist/vlae", 4)),
        *(("prepare", "celeba", 8), ("prepare", "mnist", 1)),
    ):
        (asked,) = set(
            re.findall(
                rf"^{name}/.*cpus_per_task=(\d+)", blocks(printed, rule), re.MULTILINE
            )
        )
        assert int(asked) == cpus


def blocks(printed, rule):
    """Wildcards and resources of each job of a rule, a line each.

    A job that shares one of SLURM's is printed further to the right.
    """
    pattern = rf"^( *)rule {rule}:\n((?:\1    .*\n)*)"
    lines = []
    for _, block in re.findall(pattern, printed, re.MULTILINE):
        values = re.search(r"wildcards: (.*)", block)
        resources = re.search(r"resources: (.*)", block)
        assert values and resources
        name = "/".join(pair.split("=")[1] for pair in values[1].split(", "))
        lines.append(f"{name}/ {resources[1]}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("visible", "device", "asked"),
    [
        ("0,1", "auto", 1),
        pytest.param("", "auto", 0, marks=pytest.mark.slow),
        pytest.param("0", "cpu", 0, marks=pytest.mark.slow),
    ],
)
def test_here_trainings_ask_for_a_gpu_if_there_is_one(
    tree, tmp_path, monkeypatch, visible, device, asked
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    overlay = tmp_path / "device.yaml"
    overlay.write_text(f"defaults: {{device: {device}}}\n")
    target = "results/runs/mnist/vlae/1/model.safetensors"
    config = ["--configfile", str(overlay)]
    printed = snakemake(tree, "-n", "-p", "--forceall", "--", target, config=config)
    assert f"gpu={asked}" in blocks(printed, "train")
    assert f"--gpus {asked} " in printed


def test_slurm_profile_repeats_no_key_of_the_default_profile():
    """The default profile is read as well, and would win."""

    def keys(name):
        lines = (ROOT / name / "config.yaml").read_text().splitlines()
        return {line.split(":")[0] for line in lines if re.match(r"[a-z-]+:", line)}

    assert not keys("slurm") & keys("profiles/default")
