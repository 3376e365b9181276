"""Rules spell the paths of results for readers; they are those of `ResultsFolder`."""

import re

import pytest
import rulegraph
import yaml

from vlae.config.paths import ResultsFolder
from vlae.system import registry
from vlae.system.checkout import ROOT

RULES = ROOT / "workflow" / "rules"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.smk")}
RESULTS = ResultsFolder()
DATA = RESULTS.data("{dataset}")
RUN = RESULTS.run("{dataset}", "{run}", "{seed}")
EXPERIMENT = RESULTS.experiment("{experiment}", "{dataset}", "{run}", "{seed}")
FIGURE = RESULTS.figure("{figure}")
SWEEP = RESULTS.sweep("{sweep}")
CLAIM = RESULTS.claim("{claim}")
EXPORT = RESULTS.export("{dataset}", "{run}", "{seed}")
SPLITS = ("train", "test")
PREPARED = {DATA.card, *map(DATA.images, SPLITS), *map(DATA.table, SPLITS)}

SPECS = {
    "run_spec": RUN.spec,
    "data_spec": DATA.spec,
    "sources": RESULTS.sources("{dataset}"),
    "experiment_spec": EXPERIMENT.spec,
    "figure_spec": FIGURE.spec,
    "sweep_spec": SWEEP.spec,
    "claim_spec": CLAIM.spec,
    "report_spec": RESULTS.report_spec,
    "explorer_spec": RESULTS.explorer_spec,
}
OUTPUTS = {
    "download": {RESULTS.raw("{dataset}", "{file}")},
    "prepare": PREPARED,
    "train": {RUN.weights, RUN.history, RUN.facts},
    "experiment": {EXPERIMENT.arrays},  # and tables, which are different for each
    "export": {EXPORT.onnx, EXPORT.facts},
    "figure": {FIGURE.svg, FIGURE.png},
    "sweep": {SWEEP.table, SWEEP.svg, SWEEP.png},
    "claim": {CLAIM.findings, CLAIM.verdicts},
    "verdicts": {RESULTS.verdicts},
    "explorer": {RESULTS.explorer},
    "report": {RESULTS.report, RESULTS.provenance},
}
INPUTS = {  # spelled in the rules; all others are answers of `Targets`
    "download": {RESULTS.sources("{dataset}")},
    "prepare": {DATA.spec},
    "train": {RUN.spec, *PREPARED},
    "experiment": {EXPERIMENT.spec, RUN.spec, RUN.weights, *PREPARED},
    "export": {
        *(RUN.spec, RUN.weights),
        *(DATA.card, DATA.images("test"), DATA.table("test")),
    },
    "figure": {FIGURE.spec},
    "sweep": {SWEEP.spec},
    "claim": {CLAIM.spec},
    "verdicts": set(),
    "explorer": {RESULTS.explorer_spec},
    "report": {RESULTS.report_spec},
}


def bodies():
    """Text of every rule that makes a file and stands for itself, by name."""
    found: dict[str, str] = {}
    for file, text in TEXTS.items():
        found |= dict(rulegraph.bodies(file, text))
    return {name: body for name, body in found.items() if "    output:" in body}


def paths(body, directive):
    """Paths of results that a rule spells below `input:` or `output:`."""
    section = re.search(rf"^    {directive}:\n((?:        .*\n)+)", body, re.MULTILINE)
    assert section
    found = set()
    for path in re.findall(r'"(results/[^"]+)"', section[1]):
        path = path.replace("{{", "{").replace("}}", "}")
        splits = SPLITS if "{split}" in path else [""]
        found |= {path.replace("{split}", split) for split in splits}
    return found


def strings(found):
    return {str(path) for path in found}


def test_every_rule_is_compared():
    assert bodies().keys() == OUTPUTS.keys() == INPUTS.keys()


@pytest.mark.parametrize("rule", OUTPUTS)
def test_a_rule_writes_and_reads_where_results_lie(rule):
    body = bodies()[rule]
    assert paths(body, "output") == strings(OUTPUTS[rule])
    assert paths(body, "input") == strings(INPUTS[rule])


def test_specs_are_where_results_lie():
    listed = rulegraph.spec_rules(TEXTS["specs.smk"])
    assert {rule.name: rule.output for rule in listed} == {
        name: str(path) for name, path in SPECS.items()
    }


def test_commands_get_files_that_rules_declare_and_no_folder_but_that_of_checkpoints():
    given = [
        word
        for text in TEXTS.values()
        for word in re.findall(r"--[\w-]+ +(results[^ \n]*)", text)
    ]
    assert given == [str(RESULTS.checkpoints)]
    options = {
        word
        for body in bodies().values()
        for word in re.findall(r"--[\w-]+ +{([\w.]+)", body)
    }
    declared = ("input", "output", "resources")
    assert {word.split(".")[0] for word in options} <= {*declared, "threads"}
    # It reads a thousand files, more than a command line can hold.
    assert "input.results" not in options


def test_common_is_short():
    """Functions belong to `Targets`, where they are tested."""
    assert len(TEXTS["common.smk"].splitlines()) <= 100


def test_under_slurm_all_experiments_on_one_training_share_a_job():
    profile = yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
    groups = dict(entry.split("=") for entry in profile["groups"])
    assert {*groups} == {f"experiment_{name}" for name in registry.names("experiments")}
    (together,) = profile["group-components"]
    assert {*groups.values()} == {together.partition("=")[0]}
