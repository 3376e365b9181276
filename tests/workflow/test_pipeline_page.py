"""docs/pipeline.md shows the rules as they are."""

import re

import pytest
import rulegraph

from vlae.system.checkout import ROOT

PAGE = (ROOT / "docs" / "pipeline.md").read_text()


def test_page_is_up_to_date():
    graph = rulegraph.edges(rulegraph.printed(ROOT))
    made = rulegraph.content(graph, rulegraph.rules(ROOT / "workflow" / "rules"))
    again = "run: python workflow/rulegraph.py docs/pipeline.md"
    assert rulegraph.replaced(PAGE, made) == PAGE, again


def test_every_rule_is_listed_and_every_command_is_one_of_the_package():
    texts = [p.read_text() for p in (ROOT / "workflow" / "rules").glob("*.smk")]
    written = [
        name
        for text in texts
        for name in re.findall(r"^rule (\w+):", text, re.MULTILINE)
        if name != "data"  # a target, which makes no file
    ]
    (specs,) = (text for text in texts if "SPECS = {" in text)
    written += [rule.name for rule in rulegraph.spec_rules(specs)]
    written.append("experiment")  # one for each, made in a loop
    listed = re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(written)
    commands = set(re.findall(r"`vlae (\w+)`", PAGE))
    files = (ROOT / "src" / "vlae" / "commands").glob("[!_]*.py")
    assert {"download", "train", "report"} <= commands <= {path.stem for path in files}


def test_edges_of_what_snakemake_prints():
    said = "flowchart TB\n\tid0[all]\n\tid1[train]\n\tid2[report]\n"
    said += "\tstyle id0 fill:#D95757\n\tid1 --> id2\n\tid2 --> id0\n"
    assert rulegraph.edges(said) == {("train", "report"), ("report", "all")}


@pytest.mark.parametrize(
    ("graph", "left"),
    [
        ("ab bc ac", "ab bc"),  # the longer way says it
        ("ab ac bd cd ad", "ab ac bd cd"),  # a diamond stays
        ("ab cb", "ab cb"),
    ],
)
def test_arrows_that_others_imply_are_left_out(graph, left):
    def pairs(text):
        return {(word[0], word[1]) for word in text.split()}

    assert rulegraph.reduced(pairs(graph)) == pairs(left)


def test_a_rule_missing_from_one_side_is_named():
    rule = rulegraph.Rule("train", "train.smk", "Train.", "train", "out", False)
    with pytest.raises(AssertionError, match="'report'"):
        rulegraph.content({("train", "report"), ("report", "all")}, [rule])
