"""Sweeps become runs: their names, settings and seeds, and what is refused."""

import pytest
from configuration_helpers import merged, refusal, resolved

from vlae.config.selection import RunName
from vlae.config.sweeps import cells

OLD_START = {"unnormed_weights": "normal", "batch_norm_gain": True}
SWEEP = {
    "title": "Does the start decide?",
    "base": "strokes/vlae",
    "seeds": [4, 5],
    "grid": {
        "start": {"authors": {}, "normal everywhere": {"network_settings": OLD_START}},
        "width": {
            "quarter": {"network_settings": {"width": 0.25}},
            "0.5": {"network_settings": {"width": 0.5}, "training": {"steps": 7}},
        },
    },
}
NAMES = [
    "x_start-authors_width-quarter",
    "x_start-authors_width-0.5",
    "x_start-normal-everywhere_width-quarter",
    "x_start-normal-everywhere_width-0.5",
]


def swept(**changes):
    return resolved({"figures": {}, "sweeps": {"x": {**SWEEP, **changes}}})


def spec(found, name, seed=4):
    return found.specs.run_spec(RunName("strokes", name), seed)


# Runs


def test_there_are_none_unless_asked_for():
    found = resolved()
    assert found.selection.sweeps() == []
    assert found.content["runs"] == merged()["runs"]
    assert found.specs.report_spec([], {}).sweeps == ()


def test_every_combination_is_a_run():
    found = swept()
    runs = [RunName("strokes", name) for name in NAMES]
    assert found.selection.runs() == found.selection.sweep_runs("x") == runs
    assert found.selection.runs_at_a_glance() == []
    assert [found.selection.seeds_of(run) for run in runs] == [[4, 5]] * 4
    assert found.selection.classifiers() == [RunName("strokes", "classifier")]
    assert found.selection.seeds_of(RunName("strokes", "vlae")) == [*range(31, 39)]


def test_a_cell_is_the_base_run_with_the_settings_of_its_values():
    found = swept()
    base = spec(found, "vlae").as_dict()
    base["network"] |= OLD_START | {"width": 0.5}
    base["training"] |= {"steps": 7}
    assert spec(found, NAMES[3]).as_dict() == {**base, "run": NAMES[3]}
    assert spec(found, NAMES[1]).network["width"] == 0.5
    assert spec(found, NAMES[0]).training == spec(found, "vlae").training


def test_values_may_change_network_and_preset():
    grid = {
        "model": {
            "ladder": {},
            "flat": {"network": "vae-mnist", "preset": "trial"},
        }
    }
    found = swept(grid=grid)
    ladder, flat = (spec(found, f"x_model-{name}") for name in ("ladder", "flat"))
    assert (ladder.model, ladder.preset) == ("vlae", "paper")
    assert (flat.model, flat.preset) == ("vae", "trial")
    assert flat.objective.likelihood == "laplace"


def test_cells_have_a_label_and_a_place():
    first, *_, last = cells("x", SWEEP)
    assert first.label == "start authors, width quarter"
    assert last.place == "sweeps.x.grid.start.normal everywhere+width.0.5"


def test_figures_may_list_cells_which_keep_their_seeds():
    overlay = {"figures": {"figure5": [f"strokes/{NAMES[0]}"]}, "sweeps": {"x": SWEEP}}
    found = resolved(overlay)
    (row,) = found.specs.figure_spec("figure5").rows
    assert row.seeds == (4, 5)
    assert row.label == "start authors, width quarter"
    assert len(found.selection.runs()) == 4


def test_an_overlay_changes_one_key_of_a_sweep():
    found = resolved({"sweeps": {"x": SWEEP}}, {"sweeps": {"x": {"seeds": [9]}}})
    assert found.specs.sweep_spec("x").seeds == (9,)
    assert len(found.specs.sweep_spec("x").cells) == 4


def test_the_spec_of_a_sweep_has_axes_and_cells_in_order():
    found = swept(properties=["width_within_class", "class"]).specs.sweep_spec("x")
    assert [axis.name for axis in found.axes] == ["start", "width"]
    assert found.axes[0].values == ("authors", "normal everywhere")
    assert found.axes[0].settings == ({}, {"network_settings": OLD_START})
    assert found.cells[2].values == ("normal everywhere", "quarter")
    assert found.cells[2].row.run == NAMES[2]
    assert found.properties == ("width_within_class", "class")


def test_the_report_shows_cells_in_the_table_of_runs_alone():
    spec = swept().specs.report_spec([], {})
    assert [row.run for row in spec.runs] == [*NAMES, "classifier"]
    assert [row.run for row in spec.overviewed()] == ["classifier"]
    assert [sweep.name for sweep in spec.sweeps] == ["x"]


# What is refused


def bad(grid="{a: {b: {}}}", base="strokes/vlae", rest="seeds: [1]", name="x"):
    return f"sweeps: {{{name}: {{title: t, base: {base}, grid: {grid}, {rest}}}}}"


BAD = {
    "no seeds": (bad(rest="properties: [width]"), ["sweeps.x", "'seeds' is missing"]),
    "unknown key": (
        bad(rest="seeds: [1], axes: {}"),
        ["sweeps.x", "unknown key 'axes'"],
    ),
    "seed that is text": (bad(rest="seeds: [one]"), ["sweeps.x.seeds[0]"]),
    "unknown data set": (
        bad(base="stroke/vlae"),
        ["sweeps.x.base", "'stroke'", "Did you mean 'strokes'?"],
    ),
    "unknown base run": (
        bad(base="strokes/vlaee"),
        ["sweeps.x.base: strokes/vlaee", "Did you mean 'vlae'?"],
    ),
    "base that is not a run": (bad(base="vlae"), ["sweeps.x.base", "dataset/run"]),
    "classifier": (
        bad(base="strokes/classifier"),
        ["sweeps.x.base", "is a classifier"],
    ),
    "no axis": (bad("{}"), ["sweeps.x.grid", "at least 1 key"]),
    "axis without values": (bad("{a: {}}"), ["sweeps.x.grid.a", "at least 1 key"]),
    "value that sets nothing": (
        bad("{a: {b: }}"),
        ["sweeps.x.grid.a.b", "keys with values"],
    ),
    "number as a name": (
        bad("{a: {0.5: {}}}"),
        ["sweeps.x.grid.a", "put 0.5 in quotes"],
    ),
    "truth as a name": (bad("{a: {on: {}}}"), ["sweeps.x.grid.a", "in quotes"]),
    "name of nothing": (
        bad("{a: {'+': {}}}"),
        ["sweeps.x.grid.a", "a letter or digit in the name '+'"],
    ),
    "names alike": (
        bad("{a: {b c: {}, b-c: {}}}"),
        ["sweeps.x.grid.a", "'b c' and 'b-c'", "the same name"],
    ),
    "axis named as a column": (
        bad("{layer: {b: {}}}"),
        ["sweeps.x.grid.layer", "a column 'layer' already"],
    ),
    "misspelt key": (
        bad("{a: {b: {training: {step: 3}}}}"),
        ["sweeps.x.grid.a.b.training", "'step'", "Did you mean 'steps'?"],
    ),
    "wrong value": (
        bad("{a: {b: {training: {steps: 0}}}}"),
        ["sweeps.x.grid.a.b.training.steps", "1 or more"],
    ),
    "unknown network": (
        bad("{a: {b: {network: vlae-mnst}}}"),
        ["sweeps.x.grid.a.b.network", "Did you mean 'vlae-mnist'?"],
    ),
    "unknown preset": (
        bad("{a: {b: {preset: papr}}}"),
        ["sweeps.x.grid.a.b.preset", "Did you mean 'paper'?"],
    ),
    "network that does not fit": (
        bad("{a: {b: {network: vlae-svhn}}}"),
        ["sweeps.x.grid.a.b.network", "[3, 32, 32]"],
    ),
    "key that the network lacks": (
        bad("{a: {b: {}}, c: {d: {network_settings: {widht: 2}}}}"),
        ["sweeps.x.grid.a.b+c.d.network_settings", "Did you mean 'width'?"],
    ),
    "two axes set one key": (
        bad(
            "{a: {b: {training: {steps: 5}}, c: {}}, d: {e: {training: {steps: 6}}}}",
        ),
        ["sweeps.x.grid", "'a' and 'd' both set training.steps"],
    ),
    "a part of a schedule": (
        bad(
            "{a: {b: {objective: {kl_warmup: {schedule: none}}}}, "
            "d: {e: {objective: {kl_warmup: {fraction: 0.5}}}}}"
        ),
        ["sweeps.x.grid.d.e.objective.kl_warmup", "'schedule' is missing"],
    ),
    "equal cells": (
        bad("{a: {b: {}, c: {}}}"),
        ["sweeps.x.grid", "'a b' and 'a c' have the same settings"],
    ),
    "cells equal by the defaults": (
        bad("{a: {b: {preset: paper}, c: {preset: paper, data_noise: {scale: 0.0}}}}"),
        ["sweeps.x.grid", "have the same settings"],
    ),
    "run of that name": (
        f"{{{bad()}, runs: {{strokes: {{x_a-b: "
        "{label: l, network: vlae-mnist, preset: paper}}}}",
        ["sweeps.x.grid.a.b", "strokes/x_a-b", "already"],
    ),
    "two sweeps with runs of one name": (
        "sweeps: {x: {title: t, base: strokes/vlae, seeds: [1], grid: {a: {b: {}}, "
        "c: {d: {training: {steps: 3}}}}}, x_a-b: {title: t, base: strokes/vlae, "
        "seeds: [1], grid: {c: {d: {}}}}}",
        ["sweeps.x_a-b.grid.c.d", "already"],
    ),
    "property that nothing measures": (
        bad(rest="seeds: [1], properties: [width, slnt]"),
        ["sweeps.x.properties", "Did you mean 'slant'?"],
    ),
    "name of a sweep": (bad(name="a b"), ["sweeps", "'a b'"]),
    "name of an axis": (bad("{a b: {c: {}}}"), ["sweeps.x.grid", "'a b'"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_sweep_is_refused(case):
    overlay, expected = BAD[case]
    message = refusal(overlay)
    for words in expected:
        assert words in message, message


def test_seeds_that_decide_claims_are_seeds_like_others():
    assert swept(seeds=[31, 32]).specs.sweep_spec("x").seeds == (31, 32)
