"""Figure 2, from tables whose answer is known."""

import itertools

import numpy as np
import pytest
from chains_helpers import STEPS, chains_table, mixing_table
from matplotlib.colors import to_hex

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures import chain_panels, figure2
from vlae.figures.plotting import PALETTE
from vlae.results.run_results import RunResults


@pytest.fixture
def made(tmp_path):
    """A run whose tables, by seed, a test writes itself; images count their looks."""

    def write(name, chains, mixing=None, dataset="strokes"):
        for seed, table in chains.items():
            folder = tmp_path / "experiments" / dataset / name / str(seed)
            folder.mkdir(parents=True)
            table.assign(seed=seed).to_parquet(folder / "chains.parquet")
            of_seed = (mixing or {}).get(seed, mixing_table(1.01, 1.2))
            of_seed.assign(seed=seed).to_parquet(folder / "mixing.parquet")
            looks = [(arm, step) for arm, steps in STEPS.items() for step in steps]
            images = np.arange(100, dtype=np.uint8)[:, None, None, None]
            images = images * np.ones((1, 1, 2, 2), np.uint8)
            arrays = {
                f"{arm}_{step}": images + 100 + i for i, (arm, step) in enumerate(looks)
            }
            np.savez(folder / "chains.npz", **arrays)  # type: ignore[arg-type]
        spec = {
            **{"dataset": dataset, "dataset_title": dataset, "run": name},
            **{"label": name.upper(), "seeds": [*chains]},
        }
        return RunResults(RunRow.of(spec), ResultsFolder(tmp_path))

    return write


def x_of(line):
    return np.asarray(line.get_xdata()).tolist()


def y_of(line):
    return np.asarray(line.get_ydata()).tolist()


def grey(picture):
    """Grey levels of the tiles of 2x2 pixels of a mosaic, which has ink on paper."""
    return 255 - np.asarray(picture.get_array())[1::3, 1::3, 0]


def titled(figure):
    return {axes.get_title(): axes for axes in figure.axes if axes.get_title()}


def test_it_says_what_the_chain_reaches(made):
    (said,) = figure2.findings([made("a", {1: chains_table(0.2)})])
    assert said == (
        "strokes: A: after 200 steps from noise the KID is 0.300; that of ancestral "
        "samples is 0.200, and that of training images 0.000. The difference from "
        "ancestral samples is 0.100 (95 % interval 0.080 to 0.130). The classifier is "
        "confident about a share of 0.97, compared with 0.98 for ancestral samples. "
        "The entropy of classes is 2.00 nats, compared with 2.00 nats. The largest "
        "R-hat of 2 scalars is 1.20."
    )


def test_several_seeds_are_counted(made):
    """One is above ancestral samples, one below, and of one the interval has both."""
    excess = {1: 0.3, 2: -0.1, 3: 0.01}
    run = made("a", {seed: chains_table(0.4, above) for seed, above in excess.items()})
    (said,) = figure2.findings([run])
    assert "the KID is 0.470 (0.300–0.700); that of ancestral samples is 0.4" in said
    assert "surely above that of ancestral samples in 1 of 3 seeds, and" in said
    assert "surely below it in 1 (95 %" in said


def test_r_hat_that_is_undefined_does_not_count(made):
    nan, inf = float("nan"), float("inf")
    ends = {}
    for name, values in {"a": (nan, 1.5), "b": (nan, nan), "c": (1.5, inf)}.items():
        mixing = {1: mixing_table(*values)}
        (said,) = figure2.findings([made(name, {1: chains_table(0.2)}, mixing)])
        ends[name] = said.split(" nats. ")[1]
    assert ends == {
        "a": "The largest R-hat of 1 scalars is 1.50.",
        "b": "R-hat is undefined: no scalar ever changes.",
        "c": "The largest R-hat of 2 scalars is inf.",
    }


def test_numbers_are_of_selected_looks(made):
    run = made("a", {1: chains_table(0.2), 2: chains_table(0.4)})
    table = figure2.numbers([run])
    assert [*zip(table["images"], table["step"], strict=True)] == [
        ("training images (floor)", ""),
        ("ancestral samples", ""),
        ("chains from noise", "1"),
        ("chains from noise", "200"),
        ("chains from noise", "500"),
        ("chains from training images", "200"),
    ]
    ancestral, chain = table.iloc[1], table.iloc[3]
    assert ancestral["KID"] == "0.300 (0.200–0.400)"
    assert ancestral["KID above ancestral"] == ""
    assert chain["KID above ancestral"] == "0.100 (0.100–0.100)"
    assert chain["KID of draws"] == "4.000 (3.000–5.000)"
    assert chain["FID"] == "2.00 (1.50–2.50)"


@pytest.mark.parametrize("fewer", [True, False])
def test_numbers_of_fewer_images_leave_out_what_depends_on_it(made, fewer):
    table = figure2.numbers([made("a", {1: chains_table(0.2, fewer=fewer)})])
    long, data = table.iloc[4], table.iloc[5]
    for name in ("FID", "precision", "recall"):
        assert long[name] == ""
        assert bool(data[name]) != fewer
    assert (long["KID"], data["KID"]) == ("0.300", "0.400")


def test_the_step_compared_is_one_that_every_chain_is_looked_at(made):
    """Long chains may be looked at before step 200, too, but only from noise."""
    table = chains_table(0.2)
    table = table[(table["arm"] != "data") | (table["step"] < 200)]
    assert chain_panels.compared_step(table) == 50
    late = table.assign(step=table["step"].replace({50: 300}))
    assert chain_panels.compared_step(late) == 1


def test_images_are_of_the_compared_step(made):
    figure = figure2.draw([made("a", {1: chains_table(0.2)})])
    panels = titled(figure)
    looks = {"chains from noise, step 200": 4, "ancestral samples": None}
    for title, look in looks.items():
        (mosaic,) = panels[title].images
        tiles = grey(mosaic)
        if look is not None:
            assert (tiles.ravel() == np.arange(64) + 100 + look).all()
        assert tiles.shape == (8, 8)


def test_runs_in_several_lines_have_fewer_images_each(made):
    figure = figure2.draw([made(name, {1: chains_table(0.2)}) for name in "abc"])
    mosaics = [axes.images[0] for axes in figure.axes if axes.images]
    assert [grey(mosaic).shape for mosaic in mosaics] == [(4, 8)] * 6


def test_the_figure_is_not_taller_than_a_screen(made):
    """Four runs at the width of a page: less than the height of a laptop's screen."""
    runs = [made(name, {1: chains_table(0.2)}) for name in "abcd"]
    width, height = figure2.draw(runs).get_size_inches()
    assert height / width < 0.72


def curves_of(axes, style):
    return [line for line in axes.lines if line.get_linestyle() == style]


def test_curves_of_all_runs_share_panels_and_colours(made):
    """Means over seeds by step, their range, ancestral samples, training images."""
    rows = [
        made("a", {1: chains_table(0.2), 2: chains_table(0.4)}),
        made("b", {1: chains_table(1.0)}),
    ]
    panel = titled(figure2.draw(rows))["KID (squared)"]
    curves = curves_of(panel, "-")
    assert [to_hex(line.get_color()) for line in curves] == PALETTE[:2]
    for line, kid in zip(curves, (0.3, 1.0), strict=True):
        assert x_of(line) == [0, 1, 50, 200, 500]
        assert y_of(line) == pytest.approx([9] + [kid + 0.1] * 4)
    bands = [band.get_paths()[0].get_extents() for band in panel.collections]
    # Each run has a band of its chains from noise, then one of those from data.
    assert [bands[0].y0, bands[2].y0] == pytest.approx([0.3, 1.08])
    assert len(curves_of(panel, "--")) == 2
    marks = [line for line in panel.lines if line.get_markerfacecolor() == "white"]
    assert [y_of(line) for line in marks] == [
        pytest.approx([0.2, 0.4]),
        pytest.approx([1.0]),
    ]
    (floor,) = curves_of(panel, ":")
    assert y_of(floor) == [0, 0]


def test_each_seed_is_compared_with_its_own_ancestral_samples(made):
    run = made("a", {1: chains_table(0.2), 2: chains_table(0.4, 0.3)})
    panel = titled(figure2.draw([run]))["KID at step 200 / ancestral"]
    _, quotients = panel.lines
    assert x_of(quotients) == pytest.approx([0.3 / 0.2, 0.7 / 0.4])


@pytest.mark.parametrize("largest", [1.2, 7, 60, 4000])
def test_labels_of_quotients_do_not_overlap(made, largest):
    figure = figure2.draw([made("a", {1: chains_table(0.1, excess=0.1 * largest)})])
    figure.canvas.draw()
    panel = titled(figure)["KID at step 200 / ancestral"]
    ticks = [*panel.xaxis.get_majorticklabels(), *panel.xaxis.get_minorticklabels()]
    places = [tick.get_window_extent() for tick in ticks if tick.get_text()]
    low, high = panel.bbox.x0, panel.bbox.x1
    inside = [place for place in places if low <= (place.x0 + place.x1) / 2 <= high]
    assert len(inside) >= 2
    ends = sorted((place.x0, place.x1) for place in inside)
    assert all(b[0] > a[1] for a, b in itertools.pairwise(ends))


def test_every_data_set_has_panels_of_its_own(made):
    """KIDs of two classifiers cannot be compared."""
    rows = [
        made("a", {1: chains_table(0.2)}),
        made("a", {1: chains_table(3.0)}, dataset="mnist"),
        made("b", {1: chains_table(0.5)}),
    ]
    figure = figure2.draw(rows)
    panels = [axes for axes in figure.axes if axes.get_title() == "KID (squared)"]
    assert [len(curves_of(axes, "-")) for axes in panels] == [2, 1]
    parts = [part for block in figure.subfigs for part in [block, *block.subfigs]]
    assert [part.get_suptitle() for part in parts if part.get_suptitle()] == [
        "strokes\nA (seed 1)",
        "mnist\nA (seed 1)",
        "strokes\nB (seed 1)",
        "strokes: with 95 % intervals",
        "mnist: with 95 % intervals",
    ]
