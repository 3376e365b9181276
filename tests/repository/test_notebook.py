"""The notebook runs from its first cell to its last, and shows pictures."""

import json
import os

import nbclient
import nbformat
import pytest
from helpers import prepared_strokes, randomise, save_run, spec
from results_helpers import write_results

from vlae.models import base
from vlae.system.checkout import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """The folder in which the notebook runs; its settings are the reader's own."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    folder = tmp_path / "clone"
    folder.mkdir()
    return folder


def executed(folder):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_no_outputs_are_kept():
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_every_cell_runs(kernel):
    results = write_results(kernel / "results", runs=("vlae",), seeds=(1, 2))
    prepared_strokes(results / "data" / "strokes", 8)
    run = spec("vlae", run="vlae", seed=1)
    model = randomise(base.build_model(run), 0.3)
    save_run(results / "runs" / "strokes" / "vlae" / "1", run, model)
    cells = executed(kernel)
    assert not any(out.get("name") == "stderr" for c in cells for out in c.outputs)
    pictures = [
        sum("image/png" in out.get("data", {}) for out in cell.outputs)
        for cell in cells
    ]
    # Samples, redrawn layers, a grid for each layer, reconstructions, effects.
    assert pictures == [0, 0, 0, 1, 1, 2, 1, 1, 0]
    (table,) = cells[-1].outputs
    assert "supported" in table["data"]["text/html"]


def test_it_says_what_to_run_first(kernel):
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="Run `make demo`"):
        executed(kernel)
