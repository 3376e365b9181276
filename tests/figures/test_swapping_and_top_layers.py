"""Figures of exchanged layers and of the top layers, from results that are known."""

import numpy as np
import pandas as pd
import pytest
from experiments_helpers import context, run, trained
from helpers import GENERATIVE
from matplotlib.figure import Figure

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures import plotting, swapping, top_layers
from vlae.results.run_results import RunResults

SHAPE = (1, 8, 8)
STEPS, SHOWN, REDRAWS = 3, 2, 2


def marked(count, start=0):
    """Image i is even, of grey level `start` + i."""
    levels = start + np.arange(count)
    return np.broadcast_to(
        levels.astype(np.uint8)[:, None, None, None], (count, *SHAPE)
    ).copy()


def results(root, experiment, tables, arrays, dataset="strokes", label="VLAE"):
    """Write tables by seed, and arrays; return the run."""
    for seed, table in tables.items():
        folder = root / "experiments" / dataset / label / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        table.assign(seed=seed).to_parquet(folder / f"{experiment}.parquet")
        np.savez(folder / f"{experiment}.npz", **arrays)
    row = RunRow(
        dataset=dataset,
        dataset_title=dataset,
        run=label,
        label=label,
        seeds=tuple(tables),
    )
    return RunResults(row, ResultsFolder(root))


def drawn(figure):
    assert isinstance(figure, Figure)
    with plotting.style():
        figure.draw_without_rendering()
    return figure.axes


# Swapping

PARTS = {"thickness_within_class": "thickness"}


def swapping_table(layers=3, shift=0.0, withheld=()):
    """Layer 3 carries the class, layer 1 the thickness; what A has not is B's."""
    singles = [str(n + 1) for n in range(layers)]
    splits = ["+".join(singles[:n]) for n in range(2, layers + 1)]
    rows = []
    for choice in ["none", *singles, *splits]:
        taken = choice.split("+")
        for name, layer in (
            ("class", "3"),
            ("thickness", "1"),
            ("thickness_within_class", "1"),
            ("pixels", "2"),
        ):
            of_a = 0.8 + shift if layer in taken else 0.1
            for image, value in (("a", of_a), ("b", 0.9 - of_a)):
                share = name in ("class", "pixels")
                statistic = "share" if share else "rank correlation"
                value = np.nan if name in withheld else value
                ends = (value - 0.05, value + 0.05)
                rows.append((choice, name, statistic, image, value, *ends, 90))
    columns = ["layers_of_a", "property", "statistic", "image", "value"]
    table = pd.DataFrame(rows, columns=[*columns, "low", "high", "pairs"])
    table["part_of"] = table["property"].map(PARTS).fillna("")
    return table


def swapping_arrays(layers=3):
    singles = [str(n + 1) for n in range(layers)]
    splits = ["+".join(singles[:n]) for n in range(2, layers + 1)]
    arrays = {"a": marked(SHOWN, 10), "b": marked(SHOWN, 20)}
    for index, choice in enumerate(["none", *singles, *splits]):
        arrays[f"mixed_{choice}"] = marked(SHOWN**2, 100 + 10 * index)
    return arrays | {"path_1": marked((layers + 1) * STEPS, 200)}


@pytest.fixture
def swapped(tmp_path):
    tables = {1: swapping_table(), 2: swapping_table(shift=0.1)}
    return results(tmp_path, "swapping", tables, swapping_arrays())


def test_swapping_says_which_layer_carries_what(swapped):
    (said,) = swapping.findings([swapped])
    assert (
        "class with layer 3 (share 0.85 (0.80–0.90) for A and 0.05 (0.00–0.10) for B)"
        in said
    )
    assert "thickness with layer 1 (rank correlation 0.85 (0.80–0.90) for A" in said
    assert "thickness within the class with layer 1" in said
    assert "pixels with layer 2" in said


def test_swapping_table_has_a_row_per_choice(swapped):
    table = swapping.numbers([swapped])
    assert [*table["layers of A"]] == ["none", "1", "2", "3", "1+2", "1+2+3"]
    assert table.loc[0, "class of A"] == "0.10 (0.10–0.10)"
    assert table.loc[3, "class of A"] == "0.85 (0.80–0.90)"
    assert table.loc[3, "thickness of B"] == "0.80 (0.80–0.80)"


def test_swapping_leaves_out_what_is_withheld(tmp_path):
    table = swapping_table(withheld=("class", "thickness_within_class"))
    run = results(tmp_path, "swapping", {1: table}, swapping_arrays())
    (said,) = swapping.findings([run])
    assert "class" not in said and "thickness with layer 1" in said
    assert not any("class" in name for name in swapping.numbers([run]))
    titles = [axes.get_title() for axes in drawn(swapping.draw([run]))]
    assert not any("class" in title for title in titles)


def test_margins_are_the_images_and_cells_their_mixtures(swapped):
    figure = swapping.draw([swapped])
    titled = {axes.get_title(): axes for axes in drawn(figure)}
    title = "layer 3 of the column's image,\nall others of the row's"
    (picture,) = titled[title].images
    grey = np.asarray(picture.get_array())[..., 0].astype(int)
    cell, gap = SHAPE[1] + 1, 2
    head = [grey[5, cell + 1 + gap + 5 + cell * column] for column in range(SHOWN)]
    side = [grey[cell + 1 + gap + 5 + cell * row, 5] for row in range(SHOWN)]
    assert head == [10, 11]
    assert side == [20, 21]
    inner = grey[cell + 1 + gap + 5 :: cell, cell + 1 + gap + 5 :: cell]
    assert inner.tolist() == [[130, 131], [132, 133]]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (1, ["layer 1"]),
        (2, ["layer 1", "layer 2"]),
        (3, ["layer 1", "layer 2", "layer 3"]),
        (4, ["layer 1", "layer 2", "layer 3", "layer 4", "layers 1+2"]),
    ],
)
def test_mixtures_are_shown_once(layers, expected, tmp_path):
    """All but the top layer of A is the top layer of the other image."""
    run = results(
        tmp_path,
        "swapping",
        {1: swapping_table(layers)},
        swapping_arrays(layers),
    )
    titles = [axes.get_title() for axes in drawn(swapping.draw([run]))]
    shown = [t.split(" of the column")[0] for t in titles if "column" in t]
    assert shown == expected


# Top layers


def top_table(rates=(12.0, 8.0, 5.0, 0.0), shift=0.0, classes=True):
    rows = []
    for drawn_layers, rate in enumerate(rates):
        found = {"rate": rate, "mse": 0.01 * (drawn_layers + 1), "nll": 10.0}
        if classes:
            found["class"] = 0.9 - 0.2 * drawn_layers
        for measure, value in found.items():
            value += shift * (measure == "rate")
            rows.append((drawn_layers, measure, value, value - 0.001, value + 0.001))
    columns = ["drawn_layers", "measure", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns).assign(images=100)


def top_arrays(layers=3):
    arrays = {"data": marked(SHOWN, 10)}
    for drawn_layers in range(layers + 1):
        count = SHOWN * REDRAWS
        arrays[f"drawn_{drawn_layers}"] = marked(count, 50 * (drawn_layers + 1))
    return arrays


def test_top_layers_say_what_is_kept(tmp_path):
    tables = {1: top_table(), 2: top_table(shift=1.0)}
    run = results(tmp_path, "top_layers", tables, top_arrays())
    (said,) = top_layers.findings([run])
    assert "layer 3 (5.5 (5.0–6.0) nats): squared error 0.0300 (0.0300–0.0300)" in said
    assert "class 0.50 (0.50–0.50); layers 2–3 (8.5" in said
    assert "layers 1–3 (12.5" in said
    table = top_layers.numbers([run])
    kept = ["layers 1–3", "layers 2–3", "layer 3", "none"]
    assert [*table["inferred layers"]] == kept
    assert table.loc[2, "rate (nats)"] == "5.50 (5.00–6.00)"
    without = results(
        tmp_path / "two", "top_layers", {1: top_table(classes=False)}, top_arrays()
    )
    (said,) = top_layers.findings([without])
    assert "class" not in said
    assert not any("class" in name for name in top_layers.numbers([without]))


def test_curves_go_through_the_numbers_of_every_run_and_seed(tmp_path):
    tables = {1: top_table(), 2: top_table(shift=1.0)}
    one = results(tmp_path, "top_layers", tables, top_arrays())
    other = results(
        tmp_path,
        "top_layers",
        {1: top_table((9.0, 0.0))},
        top_arrays(1),
        label="VAE",
    )
    axes = drawn(top_layers.draw([one, other]))
    titled = {a.get_title(): a for a in axes}
    error = titled["squared error per pixel"]
    lines = {tuple(c.lines[0].get_xdata()) for c in error.containers}
    assert lines == {(12, 8, 5, 0), (13, 9, 6, 1), (9, 0)}
    words = [text.get_text() for text in error.texts]
    assert words == ["3", "2", "1", "0"] * 2 + ["1", "0"]
    titles = [a.get_title().replace("\n", " ") for a in axes]
    assert "layers 1–2 drawn, layer 3 inferred" in titles
    (picture,) = titled["all\ninferred"].images
    grey = np.asarray(picture.get_array())[5::9, 5, 0]
    assert grey.tolist() == [50, 50 + REDRAWS], "redraws of nothing are shown once"


def test_data_sets_have_curves_of_their_own(tmp_path):
    runs = [
        results(tmp_path, "top_layers", {1: top_table()}, top_arrays(), dataset=name)
        for name in ("strokes", "mnist")
    ]
    axes = drawn(top_layers.draw(runs))
    curves = [a for a in axes if a.get_title() == "squared error per pixel"]
    assert [len(a.containers) for a in curves] == [1, 1]


# From the experiments themselves


@pytest.mark.parametrize("figure", [swapping, top_layers])
@pytest.mark.parametrize("model", GENERATIVE)
def test_every_model_has_the_figures(figure, model, data, tmp_path):
    name = figure.__name__.rpartition(".")[2]
    weights = trained(model)
    found = run(name, weights, data)
    assert context(name, weights, data).classifier is not None
    written = results(tmp_path, name, {1: found.table}, found.arrays)
    axes = drawn(figure.draw([written]))
    assert len(axes) > 4
    assert len(figure.findings([written])) == 1
    assert len(figure.numbers([written])) > 2
