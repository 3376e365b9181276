"""What a person sees of trainings: lines of text, and a picture."""

import math
from typing import Any

import pandas as pd
import pytest
from matplotlib import image

from vlae.report import watch_figure, watch_text
from vlae.results.watched import Trainings, Watched
from vlae.system.errors import UserError

NOW = 1_000_000.0


def history(values, terms=("elbo",), start=0):
    return pd.DataFrame(
        [
            {"step": step, "split": split, "term": term, "value": value}
            for step, value in enumerate(values, start)
            for split in ("train", "held-out")
            for term in terms
        ],
        columns=["step", "split", "term", "value"],
    )


def one(tmp_path, name="strokes/vlae/1", table=None, **changes):
    content: dict[str, Any] = {
        "step": 3400,
        "steps": 8000,
        "rate": 52.3,
        "state": "training",
    }
    content |= {"seen": NOW, "folder": tmp_path, **changes}
    return Watched(
        name=name, history=history([]) if table is None else table, **content
    )


def text(*found, left_out=0, blocks=True, height=None):
    return watch_text.text(Trainings([*found], left_out), NOW, blocks, height)


def test_a_running_training(tmp_path):
    table = pd.DataFrame(
        [
            (step, split, term, value + step / 100)
            for step in (0, 1000, 2000, 3000)
            for split in ("train", "held-out")
            for term, value in {
                "residual_mean_1": 0.5,
                "kl_2": 6.2,
                "kl_1": -30.04,
                "reconstruction": -106.12,
                "elbo": -128.41,
            }.items()
        ],
        columns=["step", "split", "term", "value"],
    )
    assert text(one(tmp_path, table=table)).splitlines() == [
        "strokes/vlae/1  step 3,400 of 8,000 (42 %), 52 steps/s, 1:27 left",
        "  held-out at step 3,000: ELBO -98.4, reconstruction -76.1, KL 0.0 / 36.2",
        "  ELBO -118.4 to -98.4 |▁▅█| steps 1,000 to 3,000",
    ]


def test_a_classifier(tmp_path):
    table = history([0.1, 0.5, 0.9], terms=("accuracy", "cross_entropy"))
    lines = text(one(tmp_path, table=table)).splitlines()
    assert lines[1:] == [
        "  held-out at step 2: cross entropy 0.900, accuracy 0.900",
        "  accuracy 0.500 to 0.900 |▁█| steps 1 to 2",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rate": None}, "step 3,400 of 8,000 (42 %)"),
        (
            {"rate": 0.41},
            "step 3,400 of 8,000 (42 %), 0.41 steps/s, 3:06:59 left",
        ),
        (
            {"state": "silent", "seen": NOW - 3725},
            "step 3,400 of 8,000 (42 %), 52 steps/s, no sign for 1:02:05: "
            "killed, or in a long evaluation",
        ),
        ({"state": "finished"}, "finished, 8,000 steps, 52 steps/s"),
        ({"steps": 0, "step": 0, "rate": None}, "step 0 of 0 (0 %)"),
    ],
)
def test_how_far_it_is(changes, line, tmp_path):
    said = text(one(tmp_path, **changes))
    assert said == f"strokes/vlae/1  {line}\n  no evaluation so far"


def test_a_stopped_training_says_when(tmp_path):
    assert ", stopped 1970-01-1" in text(one(tmp_path, state="stopped"))


def test_where_nothing_is_that_is_said():
    assert text() == watch_text.NOTHING


def test_what_is_not_shown_is_counted(tmp_path):
    found = [one(tmp_path, f"a/b/{seed}") for seed in range(5)]
    assert "2 earlier" in text(*found, left_out=2)
    for height in (4, 5, 8, 9, 100):
        shown = text(*found, left_out=2, height=height)
        hidden = 5 - shown.count("a/b/")
        assert shown.count("\n") + 1 <= max(height, 5)
        assert (f"{hidden} more do not fit here" in shown) == (hidden > 0)
        assert "2 earlier" in shown
    assert text(*found, left_out=2, height=100).count("a/b/") == 5


# Curves


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([3.0], "▁"),
        ([2, 2, 2], "▁▁▁"),
        ([0, math.nan, 1], "▁ █"),
        ([0, math.inf, -math.inf, 1], "▁  █"),
        ([math.nan, math.nan], "  "),
    ],
)
def test_values_as_blocks(values, drawn):
    assert watch_text.curve(values, watch_text.BLOCKS) == drawn


def test_long_curves_keep_their_end_and_ascii_has_as_many_levels():
    drawn = watch_text.curve([*range(1000)], watch_text.ASCII, 10)
    assert len(drawn) == 10 and drawn == "".join(
        sorted(drawn, key=watch_text.ASCII.index)
    )
    assert drawn[-1] == watch_text.ASCII[-1]
    assert watch_text.curve([0] * 99 + [1], watch_text.ASCII, 10) == "_" * 9 + "#"
    assert len(watch_text.ASCII) == len(watch_text.BLOCKS)


def test_without_blocks_all_is_ascii(tmp_path):
    found = [one(tmp_path, table=history([-3.0, -2.0, -1.0])), one(tmp_path, "a/b/2")]
    said = text(*found, left_out=1, blocks=False, height=6)
    assert said.isascii() and "|_#|" in said


# The picture


def test_a_row_of_charts_per_run_and_a_line_per_seed(tmp_path):
    terms = ("elbo", "reconstruction", "kl_1")
    found = [
        one(tmp_path, f"strokes/vlae/{seed}", history(range(seed, 5 + seed), terms))
        for seed in (1, 2)
    ]
    found.append(one(tmp_path, "mnist/classifier/0", history([0.1], ("accuracy",))))
    found.append(one(tmp_path, "mnist/vlae/1"))
    histories = watch_figure.by_run(found)
    assert [*histories] == ["strokes/vlae", "mnist/classifier"]
    assert {*histories["strokes/vlae"]["seed"]} == {"1", "2"}
    path = tmp_path / "curves.png"
    watch_figure.save(found, path)
    assert image.imread(path).shape[:2] == (round(2 * 2.3 * 120), 1200)
    assert [p.name for p in tmp_path.iterdir()] == ["curves.png"]


def test_seeds_that_are_not_equally_far_are_drawn(tmp_path):
    found = [
        one(tmp_path, "a/b/1", history([1.0, math.nan, 3.0])),
        one(tmp_path, "a/b/2", history([1.0])),
    ]
    watch_figure.save(found, tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_text().count("<svg") == 1


def test_what_cannot_be_drawn_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"--out.*nothing to draw"):
        watch_figure.save([one(tmp_path)], tmp_path / "curves.png")
    table = history([1.0])
    with pytest.raises(UserError, match=r"--out: .*curves\.xyz.*png"):
        watch_figure.save([one(tmp_path, table=table)], tmp_path / "curves.xyz")
    with pytest.raises(UserError, match=r"--out"):
        watch_figure.save([one(tmp_path, table=table)], tmp_path / "curves")
    assert not [*tmp_path.iterdir()]
