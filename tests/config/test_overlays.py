"""Overlays: what they replace, what they add, and what is refused in their files."""

from pathlib import Path

import pytest
from configuration_helpers import refusal, resolved

from vlae.config import configuration
from vlae.config.overlays import check_words, from_command_line, merge
from vlae.system.errors import UserError

MINE = """
datasets:
  mine:
    module: images
    shape: [1, 28, 28]
    files: {images: {path: pictures.zip}}
runs:
  mine:
    vlae: {label: VLAE, network: vlae-mnist, preset: trial}
"""


def study(folder, text, name="mine.yaml", given=None):
    """Return the configuration with an overlay of own data and `text`."""
    path = folder / name
    path.write_text(MINE + text, encoding="utf-8")
    return configuration.load([path], given)


def shown(found):
    figures = found.selection.figures()
    return {f: [*map(str, found.selection.figure_runs(f))] for f in figures}


def claimed(found):
    return {c: [*map(str, found.selection.claim_runs(c))] for c in chosen(found)}


def chosen(found):
    return found.selection.claims()


# What to show


def test_the_figures_of_an_overlay_replace_those_of_the_paper(tmp_path):
    found = study(tmp_path, "figures: {figure5: [mine/vlae]}")
    assert shown(found) == {"figure5": ["mine/vlae"]}
    assert [*map(str, found.selection.runs())] == ["mine/vlae"]
    assert found.selection.datasets() == ["mine"]
    assert found.selection.explored() == []


def test_a_claim_about_digits_is_not_decided_on_other_images(tmp_path):
    assert chosen(study(tmp_path, "figures: {figure5: [mine/vlae]}")) == []
    digits = study(
        tmp_path, "figures: {figure5: [mine/vlae]}", given=depicting("digits")
    )
    assert claimed(digits) == {"F5": ["mine/vlae"]}
    assert digits.selection.controls("F5") == []


def depicting(what):
    return {"datasets": {"mine": {"depicts": what}}}


def test_a_claim_about_any_images_is_decided_on_what_its_figure_shows(tmp_path):
    overlay = """
  strokes: {}
figures: {figure3: [mine/hvae, strokes/hvae-plain]}
"""
    hvae = "    hvae: {label: HVAE, network: hvae-dense, preset: paper}"
    found = study(tmp_path, hvae + overlay)
    assert claimed(found) == {"F3": ["mine/hvae", "strokes/hvae-plain"]}
    # Its control is another training, which nobody has asked for.
    assert found.selection.controls("F3") == []


def test_controls_that_are_shown_stay_controls():
    figures = {"figure3": ["strokes/hvae-plain"], "figure5": ["strokes/vlae"]}
    found = resolved({"figures": figures})
    assert [*map(str, found.selection.controls("F3"))] == ["strokes/vlae"]


def test_claims_without_a_figure_are_decided_where_an_overlay_names_them():
    figures = {"figure5": ["mnist/vlae"]}
    assert "stable-codes" in chosen(resolved())
    assert chosen(resolved({"figures": figures})) == ["F5"]
    named = {"stable-codes": {"runs": ["mnist/vlae"]}}
    both = resolved({"figures": figures, "claims": named})
    assert chosen(both) == ["F5", "stable-codes"]


def test_runs_that_the_overlay_itself_names_are_never_left_out_in_silence():
    said = refusal("figures: {figure2: []}\nclaims: {P1: {runs: [mnist/hvae-matched]}}")
    assert "claims.P1.runs: mnist/hvae-matched is not shown" in said
    said = refusal(
        "figures: {figure7: [strokes/vlae]}\nclaims: {F7: {runs: [strokes/vlae]}}"
    )
    assert "claims.F7.runs: the claim is about faces, which strokes/vlae" in said
    assert "datasets.strokes.depicts: faces" in said


def test_an_overlay_without_figures_shows_what_the_paper_shows():
    assert shown(resolved({"seeds": [5]})) == shown(resolved())
    assert chosen(resolved({"seeds": [5]})) == chosen(resolved())


def test_adding_to_the_paper_is_said_by_a_word(tmp_path):
    text = "add_figures: true\nfigures: {figure5: [mine/vlae]}\nexplorer: [mine/vlae]"
    paper, found = resolved(), study(tmp_path, text)
    expected = shown(paper)
    expected["figure5"] = [*expected["figure5"], "mine/vlae"]
    assert shown(found) == expected
    assert claimed(found) == claimed(paper)
    explored = [*map(str, paper.selection.explored()), "mine/vlae"]
    assert [*map(str, found.selection.explored())] == explored


def test_adding_twice_is_adding_once(tmp_path):
    added = {"add_figures": True, "figures": {"figure5": ["mnist/vlae"]}}
    assert shown(resolved(added, added)) == shown(resolved())


def test_a_later_overlay_replaces_what_an_earlier_one_shows():
    first = {"figures": {"figure5": ["mnist/vlae"], "figure3": ["mnist/hvae-plain"]}}
    second = {"figures": {"figure5": ["strokes/vlae"]}}
    assert shown(resolved(first, second)) == {"figure5": ["strokes/vlae"]}
    added = {"add_figures": True, **second}
    figures = shown(resolved(first, added))
    assert figures["figure5"] == ["mnist/vlae", "strokes/vlae"]
    assert figures["figure3"] == ["mnist/hvae-plain"]


def test_what_it_depicts_is_something_that_a_claim_is_about():
    said = refusal("datasets: {strokes: {depicts: digit}}")
    assert "datasets.strokes.depicts: no claim is about 'digit'" in said
    assert "digits" in said


# Files


def test_a_path_is_taken_from_the_folder_of_the_overlay(tmp_path, monkeypatch):
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    study(folder, "figures: {figure5: [mine/vlae]}")
    found = configuration.load([Path("a folder/mine.yaml")])
    (file,) = found.specs.files("mine").values()
    assert file["path"] == str(folder / "pictures.zip")
    home = {"datasets": {"mine": {"files": {"images": {"path": "~/p.zip"}}}}}
    found = configuration.load([folder / "mine.yaml"], home)
    (file,) = found.specs.files("mine").values()
    assert file["path"] == str(Path.home() / "p.zip")


def test_extends_is_looked_for_beside_the_overlay_and_then_in_the_repository(tmp_path):
    (tmp_path / "base.yaml").write_text("seeds: [7]", encoding="utf-8")
    for name, seeds in {"base.yaml": [7], "config/demo.yaml": [1]}.items():
        path = tmp_path / "top.yaml"
        path.write_text(f"extends: {name}\ntitle: Top", encoding="utf-8")
        assert configuration.load([path]).selection.seeds == seeds
    (tmp_path / "base.yaml").write_text("extends: config/demo.yaml", encoding="utf-8")
    path.write_text("extends: base.yaml", encoding="utf-8")
    with pytest.raises(UserError, match=r"top.yaml: extends: base.yaml extends anoth"):
        configuration.load([path])


TWICE = {
    "top": ("seeds: [1]\ntitle: A\nseeds: [2]\n", "'seeds'", 1, 3),
    "nested": ("runs:\n  mnist:\n    vlae: {}\n    vlae: {}\n", "'vlae'", 3, 4),
    "flow": ("title: A\nfigures: {figure5: [],\n  figure5: []}\n", "'figure5'", 2, 3),
    "number": ("claims:\n  P1:\n    1: a\n    1: b\n", "'1'", 3, 4),
}


@pytest.mark.parametrize(("text", "key", "first", "second"), TWICE.values(), ids=TWICE)
def test_a_key_given_twice_is_refused_with_both_lines(text, key, first, second):
    said = refusal(text)
    assert "overlay.yaml: the key " + key in said
    assert f"in lines {first} and {second}" in said


def test_a_merged_block_may_be_changed(tmp_path):
    text = "experiments:\n  samples: &a {count: 8}\n  generation: {<<: *a, count: 9}"
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"experiments.generation: unknown key 'count'"):
        configuration.load([path])


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["--configfile", "A", "B"], False),
        (["-n", "--cores", "2"], False),
        (["--configfile", "A", "--configfile", "B"], True),
        (["--configfile=A", "--configfiles", "B"], True),
    ],
)
def test_the_option_given_twice_is_refused(words, wrong):
    if not wrong:
        check_words(words)
        return
    with pytest.raises(UserError, match=r"--configfile A.yaml B.yaml"):
        check_words(words)


def test_maps_are_merged_but_a_schedule_is_replaced():
    old = {"kl": {"schedule": "linear", "fraction": 0.5}, "a": {"b": 1, "c": [1, 2]}}
    new = {"kl": {"schedule": "none"}, "a": {"c": [3]}}
    assert merge(old, new) == {"kl": {"schedule": "none"}, "a": {"b": 1, "c": [3]}}
    assert old["a"] == {"b": 1, "c": [1, 2]}


# Values of --config


def test_numbers_in_lists_and_maps_of_the_command_line_are_numbers():
    """What Snakemake 9 makes of --config seeds='[1, 2]' 'defaults={training: ...}'."""
    given = {
        "seeds": ["1", "2"],
        "defaults": {"training": {"steps": "500", "learning_rate": "1.0e-3"}},
        "add_figures": "true",
        "mirror": "null",
        "title": "A study: 3 seeds",
        "figures": {"figure5": ["mnist/vlae"]},
    }
    assert from_command_line(given) == {
        "seeds": [1, 2],
        "defaults": {"training": {"steps": 500, "learning_rate": 1.0e-3}},
        "add_figures": True,
        "mirror": None,
        "title": "A study: 3 seeds",
        "figures": {"figure5": ["mnist/vlae"]},
    }
    assert from_command_line("2026-11-29") == "2026-11-29"
    assert from_command_line("[not closed") == "[not closed"
    assert from_command_line(7) == 7
