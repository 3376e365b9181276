"""Names of what lies in a results folder, and the numbers in it."""

from itertools import chain

import pandas as pd
import pytest
from results_helpers import SEEDS, write_results

from vlae.config import experiment_tables
from vlae.results.inventory import Inventory, Name
from vlae.results.numbers import KEY_COLUMNS, Key, numbers
from vlae.system import registry


@pytest.fixture
def root(tmp_path):
    return write_results(tmp_path / "results")


@pytest.mark.parametrize(
    ("name", "label", "text"),
    [
        (Name("F5"), "F5", "F5"),
        (Name("", "mnist", "vlae", 3), "mnist/vlae", "mnist/vlae, seed 3"),
        (
            Name("effects", "mnist", "vlae", 3),
            "effects of mnist/vlae",
            "effects of mnist/vlae, seed 3",
        ),
    ],
)
def test_names_in_print(name, label, text):
    assert (name.label, str(name)) == (label, text)


def test_names_have_the_parts_of_their_paths(root):
    inventory = Inventory(root)
    assert inventory.finished() == [Name("", "strokes", "vlae", s) for s in SEEDS]
    made = [Name("generation", "strokes", "vlae", s) for s in SEEDS]
    tables = [Name("effects", "strokes", "vlae", s) for s in SEEDS]
    assert [*inventory.experiments()] == tables
    found = {kind: [*specs] for kind, specs in inventory.specs().items()}
    assert found == {
        "report": [Name("report")],
        "data set": [Name("strokes")],
        "run": inventory.finished(),
        "experiment": made,
        "figure": [Name("figure5")],
        "claim": [Name("F5")],
        "sweep": [],
    }


def test_results_are_those_of_finished_seeds(root):
    (root / "runs" / "strokes" / "vlae" / "2" / "training.json").unlink()
    (results,) = Inventory(root).results()
    assert (results.name, results.seeds) == ("strokes/vlae", (1, 3))


def test_keys_are_known_for_every_table_that_an_experiment_makes():
    made = [experiment_tables.tables(name) for name in registry.names("experiments")]
    assert sorted(KEY_COLUMNS) == sorted(chain.from_iterable(made))


def test_known_tables_do_not_depend_on_luck(root):
    """Scores of one property: score and layer alone would tell the rows apart."""
    folder = root / "experiments" / "strokes" / "vlae" / "1"
    scores = ["linear", "trees"]
    codes = {"score": scores, "layer": 1, "property": "ink", "value": 0.5}
    pd.DataFrame(codes).to_parquet(folder / "codes.parquet")
    found = numbers(Inventory(root))
    of_codes = {key: value for key, value in found.items() if key.table == "codes"}
    assert of_codes == {
        Key("codes", "strokes/vlae", f"value: score {score}, layer 1, property ink"): {
            1: 0.5
        }
        for score in scores
    }
