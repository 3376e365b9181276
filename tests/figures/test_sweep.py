"""The figure of a sweep, and what it says: known effects in, axes and words out."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from sweeps_helpers import effects, sweep_spec

from vlae.figures import sweep
from vlae.figures.plotting import PALETTE, style
from vlae.system.errors import UserError

SPEC = sweep_spec()


@pytest.fixture(scope="module")
def found():
    return sweep.decisions(SPEC, effects(SPEC))


def drawn(spec, found):
    """Panels of the properties by title."""
    figure = sweep.picture(spec, found)
    with style():
        figure.draw_without_rendering()
    return {axes.get_title(): axes for axes in figure.axes if axes.get_title()}


# What decides


def test_effects_are_in_the_order_of_axes_seeds_and_layers(found):
    thickness, of_class = found
    assert [thickness.name, of_class.name] == ["thickness", "class"]
    assert thickness.effects.shape == (2, 3, 3, 2)
    np.testing.assert_allclose(thickness.effects[0, 2, 0], [0.75, 0.2])
    np.testing.assert_allclose(thickness.effects[1, 2, 2], [0.25, 0.8])


def test_the_axis_that_moves_a_property_has_its_variance(found):
    thickness, of_class = found
    assert thickness.shares.axes[0] > 0.95 and thickness.chances[0] < 0.01
    assert thickness.shares.axes[1] <= 0 and thickness.chances[1] == 1
    assert of_class.shares.trainings == pytest.approx(1, abs=0.5)
    assert min(of_class.chances) > 0.05


def test_leaders_are_counted_by_value(found):
    thickness, of_class = found
    assert thickness.leaders_with(0, 0) == {1: 9}
    assert thickness.leaders_with(0, 1) == {2: 9}
    assert thickness.leaders_with(1, 2) == {1: 3, 2: 3}
    assert of_class.leaders_with(1, 0) == {2: 6}


def test_a_layer_that_a_cell_lacks_changes_nothing():
    table = effects(SPEC)
    table = table[(table["layer"] == 1) | (table["start"] == "normal")]
    thickness, _ = sweep.decisions(SPEC, table)
    assert (thickness.effects[0, ..., 1] == 0).all()
    assert (thickness.effects[1, ..., 1] == 0.8).all()
    assert thickness.undefined == 0


def test_a_property_without_numbers_is_counted_and_not_judged():
    table = effects(SPEC)
    gap = (table["property"] == "class") & (table["run"] == "x_normal_1")
    table.loc[gap, "total_effect"] = np.nan
    found = sweep.decisions(SPEC, table)
    assert found[1].undefined == 3
    *sentences, last = sweep.findings(SPEC, found)
    assert not any("class" in sentence for sentence in sentences)
    assert last.startswith("Not analysed") and last.endswith("class (3 of 18).")
    row = sweep.shares_table(SPEC, found).set_index("property").loc["class"]
    assert set(row) == {""}
    titles = drawn(SPEC, found)
    assert [*titles] == ["thickness", "class"]
    counts = [text.get_text() for text in titles["class"].texts]
    assert counts == ["3/3"] * 5  # of six cells


def test_a_property_without_any_number_is_not_drawn():
    table = effects(SPEC)
    table.loc[table["property"] == "class", "total_effect"] = np.nan
    found = sweep.decisions(SPEC, table)
    assert [*drawn(SPEC, found)] == ["thickness"]
    assert sweep.findings(SPEC, found)[-1].endswith("class (18 of 18).")


def test_nothing_has_a_number():
    table = effects(SPEC).assign(total_effect=np.nan)
    found = sweep.decisions(SPEC, table)
    assert not drawn(SPEC, found)
    (said,) = sweep.findings(SPEC, found)
    assert said.endswith("thickness (18 of 18), class (18 of 18).")
    assert not sweep.leaders_table(SPEC, found)["class"].any()


# In words


def test_findings_say_what_decides_and_who_leads(found):
    thickness, of_class = sweep.findings(SPEC, found)
    assert thickness.startswith(
        "thickness depends most on start. Shares of the variance of T: start 9"
    )
    assert "gate 0 % (p = 1.000), combinations 0 %" in thickness
    assert thickness.endswith(
        "With start authors, layer 1 leads in 9 of 9; with normal, layer 2 leads in 9 "
        "of 9."
    )
    assert of_class.startswith("class depends on no choice in a way that")
    assert of_class.endswith("In all trainings layer 2 leads in 18 of 18.")


def test_what_only_combinations_decide_is_said():
    def crossed(name, layer, values, seed):
        same = (values["start"] == "authors") == (values["gate"] == "1")
        return 0.2 + 0.6 * (same == (layer == 1)) + 0.01 * seed

    spec = sweep_spec({"start": ("authors", "normal"), "gate": ("0.1", "1")})
    found = sweep.decisions(spec, effects(spec, crossed, ("slant",)))
    (said,) = sweep.findings(spec, found)
    assert said.startswith("slant depends on how choices are combined, and")
    assert "combinations 100 %" in said or "combinations 99 %" in said


def test_of_too_few_trainings_it_is_said_that_cells_differ():
    """Two by two cells with two seeds: no axis can have a p below 2 / 36."""

    def either(name, layer, values, seed):
        moved = (values["start"] == "normal") + 2 * (values["gate"] == "1")
        return 0.2 + 0.1 * moved * (layer == 1) + 0.01 * seed

    spec = sweep_spec({"start": ("authors", "normal"), "gate": ("0.1", "1")}, (1, 2))
    found = sweep.decisions(spec, effects(spec, either, ("slant",)))
    (said,) = sweep.findings(spec, found)
    assert said.startswith("slant differs between cells, but it is open")
    assert "gate 80 % (p = 0.056), start 20 % (p = 0.056)" in said


def test_nothing_varies():
    found = sweep.decisions(SPEC, effects(SPEC, lambda *_: 0.5, ("ink",)))
    assert sweep.findings(SPEC, found) == ["ink is the same in all 18 trainings."]
    drawn(SPEC, found)


def test_one_seed_and_one_axis():
    spec = sweep_spec({"start": ("authors", "normal")}, seeds=(4,))
    found = sweep.decisions(spec, effects(spec))
    sentences = sweep.findings(spec, found)
    assert all("seeds" not in said and "combinations" not in said for said in sentences)
    row = sweep.shares_table(spec, found).set_index("property").loc["thickness"]
    assert row["start"] == "100 % (p = 1.000)" and row["seeds"] == ""
    drawn(spec, found)


def test_the_table_of_leaders_has_a_row_per_value(found):
    table = sweep.leaders_table(SPEC, found)
    assert [*table["value"]] == ["authors", "normal", "0.1", "0.03", "1"]
    assert [*table["thickness"]] == ["1: 9", "2: 9", *["1: 3, 2: 3"] * 3]


# Properties that are shown


def test_properties_are_those_asked_for_in_their_order():
    spec = sweep_spec(properties=("class", "thickness"))
    titles = drawn(spec, sweep.decisions(spec, effects(spec)))
    assert [*titles] == ["class", "thickness"]


def test_a_property_that_was_not_measured_is_refused(found):
    spec = sweep_spec(properties=("thicknes",))
    with pytest.raises(UserError) as caught:
        sweep.picture(spec, found)
    message = str(caught.value)
    assert message.startswith("sweeps.x.properties: 'thicknes' was not measured")
    assert "Did you mean 'thickness'?" in message


def test_of_many_properties_those_that_differ_most_are_shown():
    names = tuple(f"p{n}" for n in range(9))

    def wider(name, layer, values, seed):
        return 0.02 * int(name[1]) * seed * layer

    found = sweep.decisions(SPEC, effects(SPEC, wider, names))
    titles = drawn(SPEC, found)
    assert [*titles] == list(names[2:])
    assert sweep.findings(SPEC, found)[-1] == "Only in the tables: p0, p1."


# The picture


def test_every_training_is_a_mark_of_its_layer(found):
    titles = drawn(SPEC, found)
    lines = [line for line in titles["thickness"].lines if line.get_marker() == "o"]
    assert len(lines) == 6 * 2
    places = np.array([line.get_xdata() for line in lines])
    np.testing.assert_allclose(places[0], [0.75, 0.8, 0.85])
    assert [line.get_color() for line in lines[:2]] == PALETTE[:2]
    rows = np.array([line.get_ydata().mean() for line in lines])
    assert (np.round(rows) == np.repeat(range(6), 2)).all()


def test_a_cell_has_the_colour_of_the_layer_that_leads(found):
    titles = drawn(SPEC, found)
    tints = [patch.get_facecolor() for patch in titles["thickness"].patches]
    expected = [to_rgb(PALETTE[0])] * 3 + [to_rgb(PALETTE[1])] * 3
    assert [tint[:3] for tint in tints] == expected
    assert [text.get_text() for text in titles["thickness"].texts] == ["3/3"] * 6


def test_a_cell_in_which_seeds_disagree_evenly_has_no_colour():
    def split(name, layer, values, seed):
        return 0.9 if layer == seed else 0.1

    spec = sweep_spec({"start": ("authors", "normal")}, seeds=(1, 2))
    titles = drawn(spec, sweep.decisions(spec, effects(spec, split, ("ink",))))
    assert not titles["ink"].patches
    assert [text.get_text() for text in titles["ink"].texts] == ["1/2"] * 2


def test_bars_say_what_decides(found):
    figure = sweep.picture(SPEC, found)
    below = figure.axes[len(figure.axes) // 2 + 1]
    words = [text.get_text() for text in below.texts]
    assert words[0].endswith("% *") and words[1] == "0 %"
    assert len(below.patches) == 4
    names = [t.get_text() for t in figure.axes[len(figure.axes) // 2].texts]
    assert names[:4] == ["start", "gate", "combinations", "seeds"]


def test_long_names_stay_within_the_figure():
    grid = {
        "start": ("as the authors of the paper have it, with Xavier weights", "normal"),
        "likelihood": ("Gaussian of a fixed standard deviation of a quarter", "other"),
    }
    spec = sweep_spec(grid)
    names = ("thickness", "slant", "width within class", "class", "pixels")
    found = sweep.decisions(spec, effects(spec, lambda *_: 0.5, names))
    figure = sweep.picture(spec, found)
    with style():
        figure.draw_without_rendering()
        first = figure.axes[1].get_window_extent()
        for text in figure.axes[0].texts:
            assert text.get_window_extent().x1 <= first.x0 + 1, text
