"""Figure 2, from tables whose answer is known."""

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
        "strokes: A: after 200 steps from noise the KID is 0.300 (training images: "
        "0.000). It is above that of ancestral samples by 0.100 (0.080 to 0.130) (95 % "
        "intervals). The classifier is confident about a share of 0.97, compared with "
        "0.98 for ancestral samples. The entropy of classes is 2.00 nats, compared "
        "with 2.00 nats. The largest R-hat of 2 scalars is 1.20."
    )


def test_several_seeds_are_told_one_by_one(made):
    run = made("a", {1: chains_table(0.2, 0.1), 2: chains_table(0.4, 0.3)})
    (said,) = figure2.findings([run])
    assert "the KID is 0.500 (0.300–0.700)" in said
    assert (
        "by 0.100 (0.080 to 0.130), 0.300 (0.280 to 0.330) (95 % intervals, seed by"
        in said
    )


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


def test_images_are_of_the_compared_step_and_the_strips_of_all(made):
    figure = figure2.draw([made("a", {1: chains_table(0.2)})])
    panels = titled(figure)
    (mosaic,) = panels["chains from noise, step 200"].images
    tiles = grey(mosaic)
    assert (tiles[:10, :10].ravel() == np.arange(100) + 100 + 4).all()
    strips = [axes for axes in figure.axes if axes.images][2:]
    for axes, looks in zip(strips, ([1, 2, 3, 4, 5], [6, 7, 8, 9]), strict=True):
        (strip,) = axes.images
        count = len(looks)
        tiles = grey(strip)[:count, :count]
        expected = np.arange(count)[:, None] + 100 + np.array(looks)
        assert (tiles == expected).all()
    words = [label.get_text() for label in strips[0].get_xticklabels()]
    assert words == ["0", "1", "50", "200", "500"]


def test_curves_of_all_runs_share_panels_and_colours(made):
    """KIDs of means by step, and levels of ancestral samples and training images."""
    rows = [
        made("a", {1: chains_table(0.2), 2: chains_table(0.4)}),
        made("b", {1: chains_table(1.0)}),
    ]
    figure = figure2.draw(rows)
    (noise,) = [axes for axes in figure.axes if axes.get_ylabel() == "KID (squared)"]
    curves = [line for line in noise.lines if line.get_marker() == "o"]
    assert [to_hex(line.get_color()) for line in curves] == [
        *([PALETTE[0]] * 2),
        PALETTE[1],
    ]
    for line, kid in zip(curves, (0.2, 0.4, 1.0), strict=True):
        assert x_of(line) == [0, 1, 50, 200, 500]
        assert y_of(line) == pytest.approx([9] + [kid + 0.1] * 4)
    bands = [band.get_paths()[0].get_extents() for band in noise.collections]
    assert [(b.y0, b.y1) for b in bands] == [
        (pytest.approx(kid + 0.08), pytest.approx(9.03)) for kid in (0.2, 0.4, 1.0)
    ]
    levels = [y_of(line)[0] for line in noise.lines if line.get_marker() != "o"]
    assert sorted(levels) == pytest.approx([0, 0.3, 1.0])


def test_distances_stand_beside_their_excess_and_r_hat(made):
    """A run a line, its seeds around it; what never moves is at the right end."""
    mixing = {2: mixing_table(1.4, float("inf"))}
    run = made("a", {1: chains_table(0.2), 2: chains_table(0.4, 0.3)}, mixing)
    panels = titled(figure2.draw([run]))
    distance, excess, r_hat = (
        next(axes for title, axes in panels.items() if title.startswith(start))
        for start in ("KID: ● step 200", "KID: ● less", "R-hat")
    )
    _, chain, ancestral = distance.lines
    assert x_of(chain) == pytest.approx([0.3, 0.7])
    assert x_of(ancestral) == pytest.approx([0.2, 0.4])
    assert ancestral.get_markerfacecolor() == "white"
    assert x_of(excess.lines[1]) == pytest.approx([0.1, 0.3])
    ends = [segment[:, 0].tolist() for segment in excess.collections[0].get_segments()]
    assert ends == [pytest.approx([0.08, 0.13]), pytest.approx([0.28, 0.33])]
    _, first, second, beyond = r_hat.lines
    assert x_of(first) == [1.01, 1.2]
    assert x_of(second) == [1.4]
    assert beyond.get_marker() == ">"
    assert x_of(beyond)[0] > 1.4
    assert [label.get_text() for label in distance.get_yticklabels()] == ["A"]


def test_every_data_set_has_panels_of_its_own(made):
    """KIDs of two classifiers cannot be compared."""
    rows = [
        made("a", {1: chains_table(0.2)}),
        made("a", {1: chains_table(3.0)}, dataset="mnist"),
        made("b", {1: chains_table(0.5)}),
    ]
    figure = figure2.draw(rows)
    panels = [axes for axes in figure.axes if axes.get_ylabel() == "KID (squared)"]
    counts = [sum(line.get_marker() == "o" for line in axes.lines) for axes in panels]
    assert counts == [2, 1]
    blocks = [block.get_suptitle() for block in figure.subfigs]
    assert blocks == [
        "strokes: A (images: seed 1)",
        "mnist: A (images: seed 1)",
        "strokes: B (images: seed 1)",
        "strokes: every seed, with its 95 % intervals",
        "mnist: every seed, with its 95 % intervals",
    ]
