"""Numbers and words of the figures, from tables whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from vlae import plotting, registry
from vlae.errors import UserError
from vlae.plotting import Row, mosaic
from vlae.words import in_words, number, ordered, spread

SPEC = {
    "dataset": "strokes",
    "dataset_title": "strokes",
    "run": "vlae",
    "label": "VLAE",
    "seeds": [1, 2],
}


@pytest.fixture
def row(tmp_path):
    """Two seeds: layer 1 changes thickness in both, class layer 2, then layer 1."""
    for seed, shift in ((1, 0.0), (2, 0.1)):
        folder = tmp_path / "experiments" / "strokes" / "vlae" / str(seed)
        folder.mkdir(parents=True)
        table = pd.DataFrame(
            [
                ("thickness", 1, 0.6 + shift),
                ("thickness", 2, 0.2),
                ("class", 1, 0.3 + 6 * shift),
                ("class", 2, 0.8),
                ("slant", 1, np.nan),
                ("slant", 2, np.nan),
                ("pixels", 1, 0.7 - shift),
                ("pixels", 2, 0.1),
                ("Wearing_Hat", 1, np.nan),  # withheld
                ("Wearing_Hat", 2, np.nan),
                ("Bald", 1, np.nan),  # no image has it unless layer 2 is redrawn
                ("Bald", 2, 0.02),
                ("Gray_Hair", 1, np.nan),  # no example to know the judge by
                ("Gray_Hair", 2, np.nan),
            ],
            columns=["property", "layer", "total_effect"],
        )
        accuracy = {"class": 0.97, "Wearing_Hat": 0.6, "Bald": 0.95}
        table["judge_accuracy"] = table["property"].map(accuracy)
        table["withheld"] = table["property"].isin(["Wearing_Hat", "Gray_Hair"])
        table["first_order"] = table["total_effect"] / 2
        table.assign(seed=seed).to_parquet(folder / "effects.parquet")
        history = pd.DataFrame(
            [
                (step, "held-out", f"kl_{layer}", 10.25 * layer * step)
                for step in (0, 1)
                for layer in (1, 2)
            ],
            columns=["step", "split", "term", "value"],
        )
        runs = tmp_path / "runs" / "strokes" / "vlae" / str(seed)
        runs.mkdir(parents=True)
        history.to_parquet(runs / "history.parquet")
    return Row(SPEC, tmp_path / "runs", tmp_path / "experiments")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.714, ".71"), (-0.05, "-.05"), (10.2, "10.20"), (20.0, "20.00"), (0, ".00")],
)
def test_number_drops_only_a_leading_zero(value, text):
    assert number(value) == text


def test_spread_gives_mean_and_range_of_several_seeds():
    assert spread(pd.Series([0.5])) == ".50"
    assert spread(pd.Series([0.5, 0.7])) == ".60 (.50–.70)"
    assert spread(pd.Series([np.nan, np.nan])) == "undefined"


def test_layers_table_has_kl_of_the_last_step_and_every_property(row):
    table = plotting.layers_table([row])
    assert list(table["KL (nats)"]) == ["10.25 (10.25–10.25)", "20.50 (20.50–20.50)"]
    assert table.loc[0, "T thickness"] == ".65 (.60–.70)"
    assert table.loc[1, "T slant"] == "undefined"
    assert "T Wearing Hat" not in table, "withheld"
    names = ["T thickness", "T slant", "T class", "T Bald", "T pixels"]
    assert [*table.columns[3:]] == names
    assert list(table["T Bald"]) == ["undefined", ".02 (.02–.02)"]


def test_largest_is_found_seed_by_seed(row):
    assert list(row.largest("class")["layer"]) == [2, 1]
    assert row.largest("slant").empty
    assert in_words(row.largest("class")["layer"]) == "layers 2, 1 (seed by seed)"
    assert in_words(row.largest("thickness")["layer"]) == "layer 1"


def test_findings_name_the_layers(row):
    figure5, known, withheld = registry.load("figures", "figure5").findings([row])
    assert known.endswith("held-out images: class .97, Bald .95.")
    assert withheld.endswith(
        "is low (balanced): Wearing Hat .60, Gray Hair (too few examples)."
    )
    assert "thickness by layer 1, T = .65 (.60–.70)" in figure5
    assert "class by layers 2, 1 (seed by seed)" in figure5
    assert "slant" not in figure5
    (figure3,) = registry.load("figures", "figure3").findings([row])
    assert "is that of layer 1, T = .65 (.60–.70)" in figure3
    assert "the next layer has T = .10 (.10–.10)" in figure3


def test_findings_of_redrawn_layers_leave_out_what_has_no_number(row):
    findings = registry.load("figures", "figure6").findings([row])
    changed, kept, _, withheld = findings
    assert "thickness by layer 1, T = .65 (.60–.70)" in changed
    assert "class by layers 2, 1 (seed by seed)" in changed
    assert "Hat" not in changed + kept
    assert "Bald by layer 2" in changed
    assert "Bald" not in kept, "layer 1 has no number"
    assert "slant" not in changed + kept
    assert "class .30" in kept, "half of layer 1's .30 and .90, mean over seeds"
    assert "Wearing Hat .60" in withheld


def test_properties_come_in_one_order():
    found = ordered(["pixels", "Smiling", "class", "thickness", "Male"])
    assert found == ["thickness", "class", "Male", "Smiling", "pixels"]


@pytest.mark.parametrize(("size", "side"), [(32, 5), (64, 5), (128, 3)])
def test_redrawn_panels_show_as_many_images_as_fit(row, monkeypatch, size, side):
    """A panel per layer, one with layer 1 kept, and a table without empty columns."""
    panels = ["layer_1", "layer_2", "kept_1"]
    images = {name: np.zeros((25, 3, size, size), np.uint8) for name in panels}
    monkeypatch.setattr(row, "arrays", lambda experiment: images)
    figure = registry.load("figures", "figure7").draw([row])
    titled = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    titles = [t for t in titled if "redrawn" in t and "index" not in t]
    assert titles == [
        "layer 1 (bottom) redrawn",
        "layer 2 (top) redrawn",
        "layer 1 kept, all others redrawn",
    ]
    (picture,) = titled[titles[0]].images
    assert picture.get_array().shape[0] == side * (size + 1) + 1
    (table,) = [axes for title, axes in titled.items() if "index" in title]
    words = [label.get_text() for label in table.get_xticklabels()]
    assert words == ["thickness", "class", "Bald", "pixels"]


def test_mosaic_places_images_row_by_row_and_grey_as_ink_on_paper():
    images = np.zeros((3, 1, 2, 2), np.uint8)
    images[1] = 255
    picture = mosaic(images, columns=2)
    assert picture.shape == (2 * 3 + 1, 2 * 3 + 1, 3)
    assert (picture[1:3, 1:3] == 255).all(), "black grey level 0 is white paper"
    assert (picture[1:3, 4:6] == 0).all(), "the second image is ink"
    assert (picture[4:6, 4:6] == 255).all(), "no fourth image: paper"


def test_every_figure_of_the_paper_reads_experiments_that_exist():
    for name in registry.names("figures"):
        needed = registry.constant("figures", name, "EXPERIMENTS", [])
        assert needed
        assert set(needed) <= set(registry.names("experiments"))


def test_missing_results_are_named(row, tmp_path):
    with pytest.raises(UserError, match="gibbs"):
        row.arrays("gibbs")
