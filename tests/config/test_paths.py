"""The root of a results folder follows from where one of its files lies."""

from pathlib import Path

import pytest

from vlae.config.paths import ResultsFolder
from vlae.config.run_spec import RunFiles
from vlae.data import prepared
from vlae.system.errors import UserError


@pytest.mark.parametrize(
    "root", ["results", ".", "/a/b", ".snakemake/storage/s3/bucket/mine/results"]
)
def test_the_folder_that_holds_a_file(root):
    folder = ResultsFolder(Path(root))
    figure = folder.figure("figure2").spec
    found = ResultsFolder.holding(figure, lambda each: each.figure("figure2").spec)
    assert found.root == folder.root
    found = ResultsFolder.holding(folder.report_spec, lambda each: each.report_spec)
    assert found.root == folder.root


@pytest.mark.parametrize(
    "path", ["figures/figure3.spec.json", "figure2.spec.json", "results/spec.json"]
)
def test_a_file_that_lies_elsewhere_is_refused(path):
    with pytest.raises(UserError) as caught:
        ResultsFolder.holding(Path(path), lambda each: each.figure("figure2").spec)
    said = str(caught.value)
    assert said.startswith(f"{path}: expected a path that ends with ")
    assert "figures/figure2.spec.json" in said


def test_files_beside_weights_and_cards():
    files = RunFiles.of_weights(Path("a/model.safetensors"))
    assert files.spec == Path("a/spec.json")
    with pytest.raises(UserError, match=r"^a: expected the weights .*beside them"):
        RunFiles.of_weights(Path("a"))
    assert prepared.of_card(Path("a/card.json")) == Path("a")
    with pytest.raises(UserError, match=r"^a: expected the card.json of prepared"):
        prepared.of_card(Path("a"))
