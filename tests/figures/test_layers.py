"""Figure `layers`: for data of any kind, from tables whose answer is known."""

import numpy as np
import pytest
from experiments_helpers import context, trained
from helpers import GENERATIVE
from layers_helpers import GRID, effects_table, images, write_layers

from vlae.experiments import generation, inference
from vlae.figures import _layer_blocks, layers, plotting
from vlae.figures._effects import most_affected


def titled(figure):
    """Axes by the first line of their titles, without those that are not seen."""
    shown = [axes for axes in figure.axes if axes.get_visible()]
    return {axes.get_title().split("\n")[0]: axes for axes in shown}


def picture(axes):
    (image,) = axes.images
    return image.get_array()


# Sentences and numbers


def test_findings_name_the_layers(tmp_path):
    table = effects_table(
        [
            *((1, "pixels", 0.2), (2, "pixels", 0.7), (3, "pixels", 0.1)),
            *((1, "contrast", 0.9), (2, "contrast", 0.3), (3, "contrast", np.nan)),
        ]
    )
    run = write_layers(
        tmp_path,
        sizes=(2, 5, 5),
        seeds=(1, 2),
        effects=table,
        kl={1: [9.0, 4.0, 0.7], 2: [9.0, 6.0, 0.68]},
        active={1: [2, 5, 1], 2: [2, 4, 0]},
        data=images(2, (3, 4, 4), 100),  # levels 100 and 101
        rebuilt=images(2, (3, 4, 4), 151),
    )
    rebuilt, pixels, properties, nats, used = layers.findings([run])
    assert pixels == (
        "my photos: VLAE: the image as a whole (its pixels) is changed most by layer "
        "2, T = 0.70 (0.70–0.70), and least by layer 3, T = 0.10 (0.10–0.10)."
    )
    assert "most by which layer: contrast by layer 1, T = 0.90" in properties
    assert "pixels" not in properties
    assert "; 5.00 (4.00–6.00) in layer 2 (4–5 of 5 coordinates active);" in nats
    assert used == (
        "my photos: VLAE: layer 3 (in 1 of 2 seeds) is hardly used: the KL is below "
        "one bit (0.69 nats), or no coordinate is active."
    )
    assert "of 2 held-out images are off by 20.0 % of the range" in rebuilt
    assert "The mean of these images would be off by 0.2 %. So the model has" in rebuilt
    assert rebuilt.endswith("Train it longer.")


def test_good_reconstructions_bring_no_warning(tmp_path):
    pair = np.concatenate([images(1, (3, 4, 4), 0), images(1, (3, 4, 4), 200)])
    near = np.concatenate([images(1, (3, 4, 4), 0), images(1, (3, 4, 4), 190)])
    run = write_layers(tmp_path, data=pair, rebuilt=near)
    assert layers.findings([run])[0].endswith(
        "The mean of these images would be off by 39.2 %."
    )


def test_a_layer_without_an_active_coordinate_is_hardly_used(tmp_path):
    run = write_layers(tmp_path, kl={1: [5.0, 5.0]}, active={1: [1, 0]})
    assert "layer 2 is hardly used" in layers.findings([run])[-1]


@pytest.mark.parametrize(
    ("kl", "said"),
    [
        ([5.0, 0.694], "every layer is used: each has a KL of at least one bit"),
        ([5.0, 0.692], "layer 2 is hardly used: the KL is below one bit (0.69 nats)"),
        ([0.0, 0.1], "layer 1, layer 2 are hardly used"),
    ],
)
def test_a_layer_below_one_bit_is_hardly_used(tmp_path, kl, said):
    run = write_layers(tmp_path, kl={1: kl})
    assert said in layers.findings([run])[3]


def test_a_model_that_ignores_its_code(tmp_path):
    """Images that never change have no index; the figure says so and is drawn."""
    table = effects_table([(n, "pixels", np.nan) for n in (1, 2)])
    run = write_layers(tmp_path, effects=table, kl={1: [0.0, 0.0]})
    assert "the image stays the same" in layers.findings([run])[1]
    assert list(layers.numbers([run])["T pixels"]) == ["undefined"] * 2
    figure = layers.draw([run])
    figure.draw_without_rendering()
    assert not [
        text for axes in figure.axes for text in axes.texts if "nan" in str(text)
    ]


def test_numbers_have_a_row_per_run_and_layer(tmp_path):
    first = write_layers(tmp_path / "a", active={1: [1, 3]})
    second = write_layers(tmp_path / "b", sizes=(7,), seeds=(1, 2))
    table = layers.numbers([first, second])
    assert [*table.columns] == [
        *("run", "layer", "KL (nats)", "active coordinates"),
        *("pixels move by (% of their range)", "T pixels"),
    ]
    assert list(table["layer"]) == [1, 2, 1]
    assert list(table["active coordinates"]) == ["1 of 2", "3 of 5", "7 of 7"]
    moved = list(table["pixels move by (% of their range)"])
    assert moved == ["10.0", "20.0", "10.0 (10.0–10.0)"]
    assert list(table["T pixels"]) == ["1.00", "0.50", "1.00 (1.00–1.00)"]


# The picture


def test_small_codes_are_grids_and_larger_ones_are_redrawn(tmp_path):
    run = write_layers(tmp_path, sizes=(1, 2, 3, 9), shape=(3, 48, 48))
    axes = titled(layers.draw([run]))
    assert [name for name in axes if name.startswith(("code", "layer"))] == [
        "code of layer 1 (bottom),",
        "code of layer 2,",
        "layer 3 redrawn,",
        "layer 4 (top) redrawn,",
    ]
    line, grid = axes["code of layer 1 (bottom),"], axes["code of layer 2,"]
    for panel, labels in ((line, []), (grid, ["-2", "2"])):
        assert [t.get_text() for t in panel.get_xticklabels()] == ["-2", "2"]
        assert [t.get_text() for t in panel.get_yticklabels()] == labels
    low, high = grid.get_yticks()
    assert low > high, "the second coordinate grows upwards"
    levels = picture(grid)[1::49, 1::49, 0]
    last = GRID - 1
    corners = [levels[0, 0], levels[0, -1], levels[-1, 0], levels[-1, -1]]
    expected = [0, last, GRID * last, GRID * last + last]
    assert corners == [level % 256 for level in expected]
    redrawn = picture(axes["layer 3 redrawn,"])[1::49, 1::49, 0]
    assert redrawn.ravel().tolist() == [*range(redrawn.size)]


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 6, 6), (1, 4, 9)])
def test_held_out_images_stand_above_their_reconstructions(tmp_path, shape):
    """Grey photographs are shown as they are stored, not as negatives."""
    data = images(30, shape, 100)
    run = write_layers(tmp_path, data=data, rebuilt=data + 50, shape=shape)
    name = "held-out images, and below each its reconstruction"
    found = picture(titled(layers.draw([run]))[name])
    levels = found[1 :: shape[1] + 1, 1 :: shape[2] + 1, 0]
    assert levels[0].tolist() == [*range(100, 100 + levels.shape[1])]
    assert levels[1].tolist() == [*range(150, 150 + levels.shape[1])]


def test_drawings_on_black_are_ink_on_paper_as_in_the_other_figures(tmp_path):
    data = np.zeros((4, 1, 6, 6), np.uint8)
    data[:, :, :2] = 255
    run = write_layers(tmp_path, data=data, shape=(1, 6, 6))
    found = picture(titled(layers.draw([run]))["layer 2 (top) redrawn,"])
    assert found[1, 1, 0] == 255, "grey level 0 is white"


@pytest.mark.parametrize(
    ("count", "width", "height", "square", "expected"),
    [
        (400, 28, 28, True, (12, 12)),
        (400, 64, 64, True, (8, 8)),
        (400, 512, 512, True, (8, 8)),
        (400, 128, 32, True, (16, 4)),
        (400, 4000, 10, True, (20, 1)),
        (4, 8, 8, True, (2, 2)),
        (100, 32, 32, False, (10, 10)),
        (100, 64, 64, False, (8, 8)),
        (7, 32, 32, False, (2, 2)),
        (1, 32, 32, False, (1, 1)),
        (3, 10, 4000, False, (1, 3)),
        (3, 4000, 10, False, (3, 1)),
    ],
)
def test_panels_are_squares_of_as_many_images_as_are_legible(
    count, width, height, square, expected
):
    empty = np.broadcast_to(np.uint8(0), (count, 1, height, width))
    rows, columns = _layer_blocks._tiles(empty, 3.1, square=square)
    assert (rows, columns) == expected
    assert rows * columns <= count


@pytest.mark.parametrize(
    ("layers_of_model", "columns"), [(1, 3), (3, 3), (4, 4), (5, 3), (8, 4), (9, 3)]
)
def test_rows_of_panels_are_equally_full(layers_of_model, columns):
    assert _layer_blocks._columns(layers_of_model) == columns


def test_many_properties_are_thinned_in_the_picture_and_kept_in_the_table(tmp_path):
    names = [f"attribute_{i:02}" for i in range(40)]
    rows = [(n, name, i / 50) for i, name in enumerate(names) for n in (1, 2)]
    table = effects_table([*rows, (1, "pixels", 0.0), (2, "pixels", 0.0)])
    shown = [*names[-9:], "pixels"]
    assert most_affected(table, 10) == shown
    run = write_layers(tmp_path, effects=table)
    figure = layers.draw([run])
    (heat,) = [a for a in figure.axes if a.get_title().startswith("total-effect")]
    words = [t.get_text().replace("\n", "_") for t in heat.get_xticklabels()]
    assert words == shown
    assert "the 10 of 41 properties that change most" in heat.get_title().replace(
        "\n", " "
    )
    assert layers.numbers([run]).shape == (2, 5 + 41)


def test_names_below_a_heat_map_are_broken_between_words(tmp_path):
    names = ["width_within_class", "mean_chromaticity"]
    table = effects_table([(n, name, 0.5) for name in names for n in (1, 2)])
    figure = layers.draw([write_layers(tmp_path, effects=table)])
    (heat,) = [a for a in figure.axes if a.get_title().startswith("total-effect")]
    words = [t.get_text() for t in heat.get_xticklabels()]
    assert words == ["width\nwithin the\nclass", "mean\nchromaticity"]


def test_parts_of_a_property_are_shown_with_it_or_not_at_all():
    names = ["slant", "width", "width_within_class", "ink", "pixels"]
    values = [0.9, 0.5, 0.2, 0.3, 0.1]
    table = effects_table([(1, *row) for row in zip(names, values, strict=True)])
    assert most_affected(table, 5) == names
    assert most_affected(table, 4) == ["slant", "width", "width_within_class", "pixels"]
    assert most_affected(table, 3) == ["slant", "ink", "pixels"]
    large = table.assign(total_effect=[0.2, 0.3, 0.9, 0.1, 0.1])
    assert most_affected(large, 3) == ["width", "width_within_class", "pixels"]


def test_titles_of_any_length_stay_within_the_figure(tmp_path):
    run = write_layers(tmp_path, seeds=(1, 2, 3))
    run.title = "Photographs of the harbour at noon, " * 6
    figure = layers.draw([run])
    with plotting.style():
        figure.draw_without_rendering()
        top = figure.subfigs[0].subfigs[0]
        (title,) = top.texts
        assert title.get_window_extent().width < figure.bbox.width


# From the experiments themselves


@pytest.mark.parametrize("model", GENERATIVE)
def test_every_model_of_data_without_labels_has_the_figure(model, data, tmp_path):
    """Neither measures nor a classifier: the pixels alone are measured."""
    weights = trained(model)
    run = write_layers(tmp_path, sizes=tuple(weights.model.latent_sizes))
    folder = tmp_path / "experiments" / "mine" / "vlae" / "1"
    for module in (generation, inference):
        name = module.__name__.rpartition(".")[2]
        asked = context(name, weights, data, measures=[], classifier=None)
        result = module.run(asked)
        for table, found in result.named(name).items():
            found.assign(seed=1).to_parquet(folder / f"{table}.parquet")
        np.savez(folder / f"{name}.npz", **result.arrays)
    table = run.table("effects")
    assert set(table["property"]) == {"pixels"}
    assert table["total_effect"].notna().all()
    assert not table["withheld"].any()
    assert len(layers.numbers([run])) == len(weights.model.latent_sizes)
    assert len(layers.findings([run])) == 4
    bottom, top, *_ = layers.draw([run]).axes
    assert "(bottom)" in bottom.get_title()
    assert "(top)" in top.get_title()
    assert all(picture(axes).std() > 0 for axes in (bottom, top))
