"""Figures that show any data, but for `layers`: from tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from vlae.config.experiment_outputs import (
    CODES,
    COMPONENTS,
    DEQUANTISED,
    GREY_LEVELS,
    NOISY,
)
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures import disentanglement, few_labels, likelihood, plotting
from vlae.results.run_results import RunResults


def written(root, experiment, tables, name="vlae"):
    """The run `mine/NAME` with one table of an experiment per seed, from seed 1 on."""
    for seed, table in enumerate(tables, 1):
        folder = root / "experiments" / "mine" / name / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        table.assign(seed=seed).to_parquet(folder / f"{experiment}.parquet")
    row = RunRow(
        dataset="mine",
        dataset_title="my photos",
        run=name,
        label=name,
        seeds=tuple(range(1, len(tables) + 1)),
    )
    return RunResults(row, ResultsFolder(root))


def drawn(module, runs):
    with plotting.style():
        figure = module.draw(runs)
        figure.draw_without_rendering()
    return figure


# Importance-weighted bounds


def bounds(shift=0.0, density=GREY_LEVELS):
    """ELBOs 0, 10, 20, ... of ten images; 100 draws add 3 nats, and `shift`."""
    elbo = 10.0 * np.arange(10)
    parts = []
    for draws, more in ((1, 0.0), (10, 2.0), (100, 3.0 + shift)):
        part = {"image": range(10), "draws": draws, "bound": elbo + more}
        part |= {"effective": draws**0.5, "bits": 1.0 + more, "density": density}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts).assign(reason="")


def test_the_gap_is_paired_and_the_bounds_are_not(tmp_path):
    run = written(tmp_path, "likelihood", [bounds()])
    (line,) = likelihood.numbers([run]).to_dict("records")
    assert line["bound - ELBO (nats)"] == "3.00 (3.00 to 3.00)"
    # Student's interval of 0, 10, ..., 90: 45 -+ 2.262 * 30.28 / sqrt(10).
    assert line["ELBO (nats)"] == "45.00 (23.34 to 66.66)"
    assert line["K = 100 (nats)"] == "48.00 (26.34 to 69.66)"
    assert line["bits per dimension"] == "4.000 (4.000 to 4.000)"
    assert line["log p of"] == GREY_LEVELS


def test_of_several_seeds_the_range_is_given(tmp_path):
    run = written(tmp_path, "likelihood", [bounds(), bounds(shift=1.0)])
    (line,) = likelihood.numbers([run]).to_dict("records")
    assert line["bound - ELBO (nats)"] == "3.50 (3.00–4.00)"
    (said,) = likelihood.findings([run])
    assert "100 draws raise the bound by 3.50 (3.00–4.00) nats above the ELBO" in said
    assert "In the median image 10.0 (10.0–10.0) draws carry the weight" in said
    rise, effective = drawn(likelihood, [run]).axes
    assert len(rise.containers) == 2, "one line per seed"
    assert len(effective.lines) == 2 + 1


@pytest.mark.parametrize(
    ("density", "said"),
    [
        (DEQUANTISED, "which the literature reports as well"),
        (GREY_LEVELS, "not comparable with the literature, as grey levels"),
        (NOISY, "not comparable with the literature, as the noise is part"),
    ],
)
def test_bits_are_held_against_the_literature_for_dequantised_images_alone(
    tmp_path, density, said
):
    run = written(tmp_path, "likelihood", [bounds(density=density)])
    assert said in likelihood.findings([run])[0]


def test_a_run_without_bounds_stands_beside_others(tmp_path):
    row = bounds().iloc[:1].assign(bound=np.nan, bits=np.nan, effective=np.nan)
    row = row.assign(density="", reason="batch statistics (why)")
    without = written(tmp_path, "likelihood", [row], "batch")
    other = written(tmp_path, "likelihood", [bounds()])
    table = likelihood.numbers([without, other])
    assert table["log p of"].tolist() == ["batch statistics (why)", GREY_LEVELS]
    assert table.loc[0, "ELBO (nats)"] == ""
    said, _ = likelihood.findings([without, other])
    assert said == "my photos: batch: not defined, as it has batch statistics (why)."
    for runs in ([without, other], [without]):
        drawn(likelihood, runs)


# Known factors


def scores(value=0.5, reason=""):
    rows = []
    for units, maximum in (("layers", 0.5), ("coordinates", 1.0)):
        for score in ("sap", "factor_vae", "mig", "disentanglement", "completeness"):
            rows.append((units, score, "", maximum if score == "factor_vae" else 1.0))
        rows.append((units, "sap", "shift_x", 1.0))
    table = pd.DataFrame(rows, columns=["units", "score", "property", "maximum"])
    table = table.assign(value=value, low=value - 0.1, high=value + 0.1, chance=0.0)
    table.loc[table["score"] == "factor_vae", "chance"] = 0.25
    return table.assign(images=1000, reason=reason)


def test_scores_of_layers_and_of_coordinates(tmp_path):
    run = written(tmp_path, "disentanglement", [scores(0.4), scores(0.6)])
    table = disentanglement.numbers([run]).set_index("units")
    assert [*table.columns] == [
        *("run", "SAP", "FactorVAE score", "MIG"),
        *("DCI disentanglement", "DCI completeness", "SAP shift x"),
    ]
    assert (table.drop(columns="run") == "0.50 (0.40–0.60)").all(axis=None)
    layers, coordinates = disentanglement.findings([run])
    assert "my photos: vlae, layers: SAP 0.50 (0.40–0.60), FactorVAE score" in layers
    assert (
        "score of 0.25, and the most that this number of layers can reach is 0.50."
        in layers
    )
    assert coordinates.endswith("this number of coordinates can reach is 1.00.")
    first, _ = drawn(disentanglement, [run]).axes
    heights = [bar.get_height() for bar in first.patches]
    assert heights == pytest.approx([0.5] * 3)


def test_a_run_without_known_factors_says_why(tmp_path):
    run = written(tmp_path, "disentanglement", [scores(np.nan, "mine names none")])
    other = written(tmp_path, "disentanglement", [scores()], "other")
    said = disentanglement.findings([run])
    assert said[0] == "my photos: vlae, layers: not defined, as mine names none."
    assert set(disentanglement.numbers([run])["SAP"]) == {"undefined"}
    for axes in drawn(disentanglement, [run, other]).axes:
        assert [text.get_text() for text in axes.texts] == ["not defined"] * 3
        assert len(axes.patches) == 3
    drawn(disentanglement, [run])


# Few labels


def accuracies(layer_2=0.8, components=0.7):
    rows = []
    for labels in (10, 100):
        for repeat in (1, 2):
            more = 0.01 * repeat
            for features, layer, dimension, accuracy in (
                (CODES, 0, 5, 0.755),
                (CODES, 1, 2, 0.3),
                (CODES, 2, 3, layer_2),
                (COMPONENTS, 0, 3, components),
            ):
                found = (features, layer, dimension, labels, repeat, accuracy + more)
                rows.append(found)
    names = ["features", "layer", "dimension", "labels", "repeat", "accuracy"]
    return pd.DataFrame(rows, columns=names).assign(chance=0.125, reason="")


def test_the_best_layer_is_compared_with_as_many_components(tmp_path):
    run = written(tmp_path, "few_labels", [accuracies(), accuracies(0.6, 0.72)])
    said = few_labels.findings([run])
    assert len(said) == 2
    # Seed by seed 0.815 and 0.615, and components 0.715 and 0.735.
    assert said[0] == (
        "my photos: vlae, 10 labels: layer 2 is best, 0.72 (as many principal "
        "components 0.73, better in 2 of 4 draws); all layers together 0.77. Chance is "
        "0.12."
    )
    table = few_labels.numbers([run])
    assert table["features"].tolist() == [
        *("layer 1 (2)", "layer 2 (3)", "all layers (5)", "3 components")
    ]
    assert table.loc[1, "10 labels"] == "0.72 (0.61–0.82)"
    axes = drawn(few_labels, [run]).axes[0]
    assert len(axes.containers) == 4
    assert [text.get_text() for text in axes.texts] == ["chance"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["10", "100"]


def test_what_is_left_out_is_said(tmp_path):
    empty = accuracies().iloc[:1].assign(accuracy=np.nan, labels=0, dimension=0)
    without = written(
        tmp_path, "few_labels", [empty.assign(reason="mine has no classes")], "a"
    )
    more = accuracies().iloc[:1].assign(accuracy=np.nan, labels=1000, dimension=0)
    partly = pd.concat([accuracies(), more.assign(reason="1000 labels; too many")])
    other = written(tmp_path, "few_labels", [partly], "b")
    said = few_labels.findings([without, other])
    assert said[0] == "my photos: a, left out: mine has no classes."
    assert said[-1] == "my photos: b, left out: 1000 labels; too many."
    table = few_labels.numbers([without, other])
    assert table["features"].tolist()[0] == "mine has no classes"
    assert table["features"].tolist()[-1] == "1000 labels; too many"
    first, second = drawn(few_labels, [without, other]).axes
    assert [text.get_text() for text in first.texts] == ["mine has no classes"]
    assert len(second.containers) == 4
