"""Numbers and words of the figures, from tables whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.transforms import Bbox

from vlae.config.experiment_tables import makers
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures import _effects, plotting
from vlae.figures.plotting import mosaic
from vlae.results.published import published_number
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, in_words, number, ordered, spread
from vlae.system import registry
from vlae.system.errors import UserError

SPEC = {
    "dataset": "strokes",
    "dataset_title": "strokes",
    "run": "vlae",
    "label": "VLAE",
    "seeds": [1, 2],
}


@pytest.fixture
def run(tmp_path):
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
                ("Gray_Hair", 1, np.nan),  # no example to know the classifier by
                ("Gray_Hair", 2, np.nan),
            ],
            columns=["property", "layer", "total_effect"],
        )
        accuracy = {"class": 0.97, "Wearing_Hat": 0.6, "Bald": 0.95}
        table["classifier_accuracy"] = table["property"].map(accuracy)
        table["withheld"] = table["property"].isin(["Wearing_Hat", "Gray_Hair"])
        table["first_order"] = table["total_effect"] / 2
        table["part_of"] = ""
        others = table["total_effect"].to_numpy().reshape(-1, 2)[:, ::-1].ravel()
        table["lead"] = table["total_effect"] - others
        table["lead_low"] = table["lead"] - 0.45
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
    return RunResults(RunRow.of(SPEC), ResultsFolder(tmp_path))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.714, "0.71"),
        (-0.05, "-0.05"),
        (10.2, "10.20"),
        (20.0, "20.00"),
        (0, "0.00"),
        (-0.001, "0.00"),
    ],
)
def test_number_drops_only_a_leading_zero(value, text):
    assert number(value) == text


def test_spread_gives_mean_and_range_of_several_seeds():
    assert spread(pd.Series([0.5])) == "0.50"
    assert spread(pd.Series([0.5, 0.7])) == "0.60 (0.50–0.70)"
    assert spread(pd.Series([np.nan, np.nan])) == "undefined"


def test_layers_table_has_kl_of_the_last_step_and_every_property(run):
    table = _effects.layers_table([run])
    assert list(table["KL (nats)"]) == ["10.25 (10.25–10.25)", "20.50 (20.50–20.50)"]
    assert table.loc[0, "T thickness"] == "0.65 (0.60–0.70)"
    assert table.loc[1, "T slant"] == "undefined"
    assert "T Wearing Hat" not in table, "withheld"
    names = ["T thickness", "T slant", "T class", "T Bald", "T pixels"]
    assert [*table.columns[3:]] == names
    assert list(table["T Bald"]) == ["undefined", "0.02 (0.02–0.02)"]


def test_largest_is_found_seed_by_seed(run):
    assert list(_effects.largest(run, "class")["layer"]) == [2, 1]
    assert _effects.largest(run, "slant").empty
    layers = _effects.largest(run, "class")["layer"]
    assert in_words(layers) == "layer 1 (1 of 2 seeds) and layer 2 (1)"
    assert in_words(_effects.largest(run, "thickness")["layer"]) == "layer 1"


def test_the_most_frequent_layer_is_named_first():
    layers = pd.Series([1, 2, 3, 3, 1, 3])
    said = "layer 3 (3 of 6 seeds) and layer 1 (2) and layer 2 (1)"
    assert in_words(layers) == said


def test_a_range_with_a_minus_has_no_dash():
    assert spread(pd.Series([-0.1, 0.3])) == "0.10 (-0.10 to 0.30)"
    assert spread(pd.Series([0.1, 0.3])) == "0.20 (0.10–0.30)"


def test_findings_name_the_layers(run):
    found = registry.load("figures", "figure5").findings([run])
    predicted, figure5, known, withheld = found
    assert predicted == (
        "strokes: VLAE: S where the paper sees a property: thickness in layer 1 0.32 "
        "(0.30–0.35) (authors' picture: 0.45)."
    )
    assert known.endswith("held-out images: class 0.97, Bald 0.95.")
    assert withheld.endswith(
        "is low (balanced): Wearing Hat 0.60, Gray Hair (too few examples)."
    )
    assert (
        "thickness by layer 1, T = 0.65 (0.60–0.70), significantly in 1 of 2 seeds; "
        "class by layer 1 (1 of 2 seeds) and layer 2 (1)" in figure5
    )
    assert "slant" not in figure5
    assert known.startswith("strokes: the classifier's accuracy")
    twice = registry.load("figures", "figure5").findings([run, run])
    assert twice == [predicted] * 2 + [figure5] * 2 + [known, withheld]
    (figure3,) = registry.load("figures", "figure3").findings([run])
    assert "on the pixels that of layer 1, T = 0.65 (0.60–0.70)" in figure3
    assert "of the next layer 0.10 (0.10–0.10)" in figure3


@pytest.fixture
def pictured(run, tmp_path):
    """The same run, with images of each layer redrawn."""
    for seed in run.seeds:
        folder = tmp_path / "experiments" / "strokes" / "vlae" / str(seed)
        images = np.zeros((4, 1, 2, 2), np.uint8)
        np.savez(folder / "generation.npz", redrawn_1=images, redrawn_2=images)
    return run


def test_bars_of_figure3_stand_beside_the_authors_numbers(pictured):
    figure = registry.load("figures", "figure3").draw([pictured])
    bars = figure.axes[-1]
    heights = [[bar.get_height() for bar in group] for group in bars.containers]
    of_class, of_pixels = heights
    assert of_class == pytest.approx([0.6, 0.8]), "means over seeds"
    assert of_pixels == pytest.approx([0.65, 0.1])
    (theirs,) = [line for line in bars.lines if line.get_label() == "authors' picture"]
    middles = [
        [bar.get_x() + bar.get_width() / 2 for bar in g] for g in bars.containers
    ]
    assert [*theirs.get_xdata()] == pytest.approx(np.transpose(middles).ravel())
    shown = [published_number("figure3", "mnist", i, "pixels").value for i in (1, 2)]
    assert [*theirs.get_ydata()][1::2] == shown
    assert [*theirs.get_ydata()][0::2] == pytest.approx([0, 0.68], abs=0.01)


def test_figure3_of_a_model_whose_layers_change_nothing(pictured, tmp_path):
    for seed in pictured.seeds:
        folder = tmp_path / "experiments" / "strokes" / "vlae" / str(seed)
        table = pd.read_parquet(folder / "effects.parquet")
        table.assign(total_effect=np.nan).to_parquet(folder / "effects.parquet")
    figure = registry.load("figures", "figure3").draw([pictured])
    assert "the image stays the same" in figure.axes[-1].get_title()


def test_findings_of_redrawn_layers_leave_out_what_has_no_number(run):
    findings = registry.load("figures", "figure6").findings([run])
    changed, kept, _, withheld = findings
    assert "thickness by layer 1, T = 0.65 (0.60–0.70)" in changed
    assert "class by layer 1 (1 of 2 seeds) and layer 2 (1)" in changed
    assert "Hat" not in changed + kept
    assert "Bald by layer 2" in changed
    assert "Bald" not in kept, "layer 1 has no number"
    assert "slant" not in changed + kept
    assert "class 0.30" in kept, "half of layer 1's 0.30 and 0.90, mean over seeds"
    assert "Wearing Hat 0.60" in withheld


# Figure 1, Figure 4 and the residuals: from tables made by hand


@pytest.fixture
def made(tmp_path):
    """A run of two seeds whose tables, arrays and history a test writes itself."""

    def write(name, table, arrays=None, history=None):
        for seed, values in table.items():
            kinds = ("experiments", "runs")
            places = [
                tmp_path / kind / "strokes" / "vlae" / str(seed) for kind in kinds
            ]
            for place in places:
                place.mkdir(parents=True, exist_ok=True)
            values.assign(seed=seed).to_parquet(places[0] / f"{name}.parquet")
            (experiment,) = makers([name])
            np.savez(places[0] / f"{experiment}.npz", **(arrays or {}))
            if history is not None:
                history[seed].to_parquet(places[1] / "history.parquet")
        spec = {**SPEC, "seeds": [*table]}
        return RunResults(RunRow.of(spec), ResultsFolder(tmp_path))

    return write


def recomposed_table(shift):
    """Confidence 0.9 and 0.8 + shift, ELBO 100 and 60 + 10 * shift."""
    rows = [
        ("intact", "confidence", 0.9, np.nan),
        ("intact", "accuracy", 0.99, np.nan),
        ("intact", "elbo", 100.0, np.nan),
        ("moved_parts", "confidence", 0.9, 0.0),
        ("moved_parts", "accuracy", 0.99, 0.0),
        ("moved_parts", "elbo", 85.0, -15.0),
        ("one_class", "confidence", 0.8 + shift, shift - 0.1),
        ("one_class", "accuracy", 0.95, -0.04),
        ("one_class", "elbo", 60 + 10 * shift, 10 * shift - 40),
        ("one_class", "unlikely", 0.7, 0.65),
        ("several_classes", "confidence", 0.5, -0.4),
        ("several_classes", "elbo", 20.0, -80.0),
    ]
    for arm in ("intact", "moved_parts", "one_class", "several_classes"):
        rows += [(arm, name, 1.0, np.nan) for name in ("kl_1", "reconstruction")]
        rows.append((arm, "confident", 0.4, np.nan))
    others = ("intact", "moved_parts", "several_classes")
    rows += [(arm, "unlikely", 0.05, 0.0) for arm in others]
    table = pd.DataFrame(rows, columns=["images", "measure", "value", "difference"])
    ends = {"difference_low": -42.0, "difference_high": -38.0}
    return table.assign(low=table["value"], high=table["value"], **ends)


def test_figure1_says_what_becomes_of_confidence_and_elbo(made):
    figure1 = registry.load("figures", "figure1")
    run = made("recomposed", {1: recomposed_table(0.0), 2: recomposed_table(0.1)})
    (said,) = figure1.findings([run])
    assert (
        "confidence is 0.85 (0.80–0.90) on images recomposed from parts of one" in said
    )
    assert "class, 0.50 (0.50–0.50) with parts of several classes, and" in said
    assert "and 0.90 (0.90–0.90) on intact images." in said
    assert "ELBO changes by -39.50 (-40.00 to -39.00) nats. Moving an" in said
    assert "changes it by -15.00 (-15.00 to -15.00) nats. A share of 0.70 (" in said
    table = figure1.numbers([run])
    assert [*table["images"]] == [*figure1.ARMS.values()]
    assert table.loc[2, "ELBO (nats)"] == "60.50 (60.00–61.00)"
    assert pd.isna(table.loc[3, "accuracy"]), "several classes have none"
    assert [*table.columns[-2:]] == ["KL layer 1 (nats)", "unlikely"]
    (said,) = figure1.findings([made("recomposed", {1: recomposed_table(0.0)})])
    assert "by -40.00 (95 % interval -42.00 to -38.00) nats" in said


def test_figure1_lists_ten_layers_in_their_order(made):
    """As text, layer 10 would come before layer 2."""
    table = recomposed_table(0.0)
    layers = [
        table[table["measure"] == "kl_1"].assign(measure=f"kl_{i}")
        for i in range(2, 11)
    ]
    table = pd.concat([table, *layers], ignore_index=True)
    found = registry.load("figures", "figure1").numbers(
        [made("recomposed", {1: table})]
    )
    names = [name for name in found if name.startswith("KL")]
    assert names == [f"KL layer {i} (nats)" for i in range(1, 11)]


def test_figure1_shows_a_group_in_a_column(made):
    figure1 = registry.load("figures", "figure1")
    marked = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4))
    arrays = {
        name: values
        for arm in figure1.ARMS
        for name, values in (
            (arm, marked.astype(np.uint8)),
            (f"elbo_{arm}", np.arange(40.0)),
            (f"confidence_{arm}", np.linspace(0.2, 1, 40)),
        )
    }
    run = made("recomposed", {1: recomposed_table(0.0)}, arrays)
    figure = figure1.draw([run])
    titled = {axes.get_title(): axes for axes in figure.axes}
    (picture,) = titled["parts of one class"].images
    tiles = 255 - picture.get_array()[2::5, 2::5, 0]  # ink on paper
    assert tiles.tolist() == [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]


def graph_table(edges):
    columns = ["direction", "source", "target", "layers", "through", "sensitivity"]
    return pd.DataFrame(edges, columns=columns)


CHAIN = [
    ("inference", "x", "z1", 3, "", 0.5),
    ("inference", "z1", "z2", 4, "", 0.25),
    ("generation", "z2", "z1", 2, "", 1.0),
    ("generation", "z1", "x", 5, "", 1.0),
]
LADDER = [
    ("inference", "x", "z1", 2, "", 0.5),
    ("inference", "x", "z2", 3, "h2", 0.5),
    ("inference", "x", "z3", 4, "h2", 0.001),
    ("generation", "z1", "x", 2, "", 1.0),
    ("generation", "z2", "x", 3, "h2", 1.0),
    ("generation", "z3", "x", 4, "h2", 1.0),
]


def drawn(axes):
    """Nodes, and arrows as pairs of the nodes at their ends."""
    labels = {t.get_position(): t.get_text() for t in axes.texts if "$" in t.get_text()}
    arrows = [p for p in axes.patches if hasattr(p, "_posA_posB")]
    pairs = [tuple(labels[tuple(end)] for end in p._posA_posB) for p in arrows]
    return set(labels.values()), set(pairs)


def test_figure4_draws_the_features_of_every_layer(made):
    figure4 = registry.load("figures", "figure4")
    figure = figure4.draw([made("graph", {1: graph_table(LADDER)})])
    inference, generation = figure.axes
    nodes, pairs = drawn(inference)
    latents, features = (
        [f"${letter}_{{{layer}}}$" for layer in (1, 2, 3)] for letter in "zh"
    )
    assert nodes == {"$x$", *latents, *features}
    assert pairs == {
        *(("$x$", "$h_{1}$"), ("$x$", "$h_{2}$"), ("$h_{2}$", "$h_{3}$")),
        *zip(features, latents, strict=True),
    }
    nodes, pairs = drawn(generation)
    assert r"$\tilde{h}_{2}$" in nodes
    assert (r"$\tilde{h}_{2}$", "$x$") in pairs
    assert (r"$\tilde{h}_{3}$", r"$\tilde{h}_{2}$") in pairs
    assert ("$z_{2}$", "$x$") not in pairs
    heads = {
        patch.get_arrowstyle().__class__.__name__
        for axes in (inference, generation)
        for patch in axes.patches
        if isinstance(patch, FancyArrowPatch)
    }
    assert heads == {"CurveFilledB"}
    depths = [t.get_text() for t in inference.texts if "layers" in t.get_text()]
    assert depths == ["2 layers", "3 layers", "4 layers"]


def test_figure4_says_who_sees_whom(made):
    figure4 = registry.load("figures", "figure4")
    run = made("graph", {1: graph_table(CHAIN), 2: graph_table(LADDER)})
    assert figure4.findings([run]) == [
        "strokes: VLAE, inference: z1 → z2; layers between x and a latent: 3 for z1.",
        "strokes: VLAE, generation: z2 → z1; layers between x and a latent: 5 for z1.",
    ]
    table = figure4.numbers([run])
    assert [*table["edge"]] == ["x → z1", "z1 → z2", "z2 → z1", "z1 → x"]
    said, _ = figure4.findings([made("graph", {1: graph_table(LADDER)})])
    assert ": no latent depends on another;" in said
    assert said.endswith("2 for z1, 3 for z2, 4 for z3.")


def residuals_table(kl):
    measures = ["mean", "variance", "skewness", "excess_kurtosis", "ks", "negentropy"]
    rows = [(1, 0, name, 0.5) for name in (*measures, "explained")]
    rows += [(1, 0, "kl", kl), (1, 0, "active", 7.0), (1, 1, "kl", 99.0)]
    return pd.DataFrame(rows, columns=["layer", "dimension", "measure", "value"])


def residuals_history(start):
    moments = ("mean", "variance", "skewness", "kurtosis", "kl")
    return pd.DataFrame(
        [
            (step, split, f"residual_{moment}_1", start / (1 + step))
            for step in (0, 9)
            for split in ("train", "held-out")
            for moment in moments
        ],
        columns=["step", "split", "term", "value"],
    )


def test_residuals_are_given_at_the_end_and_from_the_start(made):
    figure = registry.load("figures", "residuals")
    run = made(
        "residuals",
        {1: residuals_table(0.01), 2: residuals_table(0.03)},
        {"edges": np.linspace(-5, 5, 11), "density_1": np.full(10, 0.1)},
        {1: residuals_history(0.2), 2: residuals_history(0.4)},
    )
    (said,) = figure.findings([run])
    assert "active dimension, is 0.020 (0.010–0.030) in layer 1." in said
    assert "it is 0.300 (0.200–0.400) before and 0.030 (0.020–0.040) after" in said
    table = figure.numbers([run])
    assert table.loc[0, "KL (nats)"] == "0.020 (0.010–0.030)"
    assert table.loc[0, "active dimensions"] == "7 (7–7)"
    histogram, *curves = figure.draw([run]).axes
    assert histogram.get_title().startswith("layer 1 (top), 7 active")
    lines = {axes.get_title(): axes.lines[1:] for axes in curves}
    assert [line.get_ydata().tolist() for line in lines["variance"]] == [
        [0.2, pytest.approx(0.02)],
        [0.4, pytest.approx(0.04)],
    ]


def test_properties_come_in_one_order():
    found = ordered(["pixels", "Smiling", "class", "thickness", "Male"])
    assert found == ["thickness", "class", "Male", "Smiling", "pixels"]
    inner = ["width_within_class", "slant", "slant_within_class", "thickness", "class"]
    assert ordered([*inner, "width", "odd_within_class", "odd"]) == [
        *("thickness", "slant", "slant_within_class", "width", "width_within_class"),
        *("class", "odd", "odd_within_class"),
    ]
    assert in_print("width_within_class") == "width within the class"
    assert in_print("mean_colour") == "mean colour"


@pytest.mark.parametrize(("size", "side"), [(32, 5), (64, 5), (128, 3)])
def test_redrawn_panels_show_as_many_images_as_fit(run, monkeypatch, size, side):
    """A panel per layer, one with layer 1 kept, and a table without empty columns."""
    panels = ["redrawn_1", "redrawn_2", "kept_1"]
    images = {name: np.zeros((25, 3, size, size), np.uint8) for name in panels}
    monkeypatch.setattr(run, "arrays", lambda experiment: images)
    figure = registry.load("figures", "figure7").draw([run])
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
        needed = registry.constant("figures", name, "TABLES")
        assert needed
        assert set(makers(needed)) <= set(registry.names("experiments"))


def test_the_last_bits_of_a_layout_change_no_byte(tmp_path):
    """The solver of the layout gives others in another process."""
    for name, error in (("a", 0.0), ("b", 1e-15)):
        figure = Figure(figsize=(4, 3), layout="constrained")
        left, right = plotting.subfigures(figure, 2)
        for part in (left, right):
            part.subplots(2, 2)[0, 1].plot([0, 1, 3])
        with plotting.style():
            figure.draw_without_rendering()
            for axes in figure.axes:
                box = axes.get_position()
                axes.set_position(Bbox(box.get_points() + error))
            plotting.save(figure, tmp_path / f"{name}.svg")
    one, other = ((tmp_path / f"{name}.svg").read_bytes() for name in "ab")
    assert one == other and b"clip-path" in one


def test_missing_results_are_named(run, tmp_path):
    with pytest.raises(UserError, match="chains"):
        run.arrays("chains")
