"""Two results folders: what differs is found, named and no more than that."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from results_helpers import SEEDS, write_results, write_seed, write_verdicts

from vlae.__main__ import main
from vlae.report.comparison import compare
from vlae.report.number_pairs import Agreement, number_pair
from vlae.results.inventory import Inventory
from vlae.results.numbers import Key, numbers
from vlae.results.settings_diff import UNSET, changes, flat
from vlae.results.text import digits
from vlae.system.files import write_json


@pytest.fixture
def folders(tmp_path):
    """A and B, the same."""
    write_results(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    return tmp_path / "a", tmp_path / "b"


def found(folders):
    return compare(*map(Inventory, folders))


def edit(path, **changes):
    write_json(path, {**json.loads(path.read_text()), **changes})


# Nothing, and one thing at a time


def test_equal_folders_do_not_differ(folders):
    same = found(folders)
    assert same.nothing()
    assert same.summary() == ["No difference."]
    # Held-out terms; each row has three numbers and a flag, and two accuracies are nan.
    assert len(same.numbers) == 3 + 4 * 4 - 2
    assert {line.agreement for line in same.numbers} == {Agreement.EQUAL}
    assert len(same.verdicts) == 1


def test_time_is_no_difference(folders):
    edit(folders[1] / "runs/strokes/vlae/1/training.json", seconds=1e6)
    edit(folders[1] / "report.provenance.json", date="2027-01-01")
    assert found(folders).nothing()


def test_a_setting_of_one_run_is_named_with_its_seeds(folders):
    for seed in SEEDS:
        path = folders[1] / f"runs/strokes/vlae/{seed}/spec.json"
        training = json.loads(path.read_text())["training"]
        edit(path, training={**training, "steps": 99})
        if seed == 2:
            edit(path, precision="bfloat16")
    result = found(folders)
    lines = {s.key: (s.kind, s.names, s.first, s.second) for s in result.settings}
    assert lines == {
        "training.steps": ("run", "strokes/vlae", "12", "99"),
        "precision": ("run", "strokes/vlae, seed 2", "float32", "bfloat16"),
    }
    assert not result.missing and not result.made_by
    assert result.summary()[0] == "Settings: 2 keys with different values."


def test_settings_of_experiments_claims_figures_and_data(folders):
    b = folders[1]
    for seed in SEEDS:
        path = b / f"experiments/strokes/vlae/{seed}/generation.spec.json"
        edit(path, settings={"draws": 64})
    edit(b / "claims/F5.spec.json", criterion={"least": {"value": 0.6, "why": "half"}})
    edit(b / "figures/figure5.spec.json", rows=[])
    edit(b / "data/strokes/spec.json", train=500)
    edit(b / "report.spec.json", overlays=[])
    lines = {
        (s.kind, s.names, s.key): (s.first, s.second) for s in found(folders).settings
    }
    assert lines == {
        ("experiment", "generation of strokes/vlae", "settings.draws"): ("32", "64"),
        ("claim", "F5", "criterion.least.value"): ("0.5", "0.6"),
        ("figure", "figure5", "runs"): ('["strokes/vlae"]', "[]"),
        ("data set", "strokes", "train"): ("400", "500"),
        ("report", "report", "overlays"): ('["tiny.yaml"]', "[]"),
    }


def test_versions_code_machine_and_data(folders):
    b = folders[1]
    for seed in SEEDS:
        path = b / f"runs/strokes/vlae/{seed}/training.json"
        edit(path, versions={"python": "3.11", "torch": "3"}, device="gpu")
    edit(b / "data/strokes/card.json", sha256={"train.npy": "xyz"})
    edit(b / "report.provenance.json", commit="def")
    result = found(folders)
    lines = {(s.kind, s.key): (s.names, s.first, s.second) for s in result.made_by}
    assert lines == {
        ("report", "commit"): ("report", "abc", "def"),
        ("data set", "sha256.train.npy"): ("strokes", "abc", "xyz"),
        ("training", "versions.torch"): ("strokes/vlae", "2", "3"),
        ("training", "device"): ("strokes/vlae", "cpu", "gpu"),
    }
    assert not result.settings


def test_folders_without_a_common_seed_are_compared_all_the_same(tmp_path):
    a = write_results(tmp_path / "a", seeds=(1,))
    b = write_results(tmp_path / "b", seeds=(2, 3))
    edit(b / "runs/strokes/vlae/2/spec.json", preset="other")
    result = found((a, b))
    keys = {(s.key, s.first, s.second) for s in result.settings}
    assert keys == {("preset", "none", "other"), ("seeds", "[1]", "[2, 3]")}
    (elbo,) = (x for x in result.numbers if x.name == "elbo")
    assert elbo.seeds == (1, 2)
    assert elbo.agreement is Agreement.WITHIN


# Numbers


@pytest.mark.parametrize(
    ("elbo", "expected"), [(-50.0001, Agreement.WITHIN), (-40, Agreement.BEYOND)]
)
def test_numbers_differ_as_seeds_do_or_by_more(folders, elbo, expected):
    for seed in SEEDS:
        write_seed(folders[1], "vlae", seed, elbo=elbo)
    result = found(folders)
    (line,) = result.differing()
    assert (line.table, line.run, line.name) == ("held-out", "strokes/vlae", "elbo")
    assert line.agreement is expected
    assert line.first == "-50.00 (-50.50 to -49.50)"
    assert result.tested() == 1


def test_a_number_of_an_experiment_by_its_name(folders):
    for seed in SEEDS:
        write_seed(folders[1], "vlae", seed, effect=5.6)
    (line,) = found(folders).beyond()
    assert (line.table, line.name) == (
        "effects",
        "total_effect: layer 1, property class",
    )
    assert line.change.startswith("5.000 (")
    assert line.difference.value == pytest.approx(5)


def test_the_interval_of_a_difference_is_that_of_student():
    """Two groups 1, 2, 3 and 3, 4, 5: pooled variance 1, so 2 +- 2.776 sqrt(2/3)."""
    gap = number_pair(
        Key("", "", ""), {1: 1, 2: 2, 3: 3}, {1: 3, 2: 4, 3: 5}
    ).difference
    assert gap is not None
    assert (gap.value, gap.high - 2) == pytest.approx((2, 2.776445 * (2 / 3) ** 0.5))
    # One against 1, 2, 3: two degrees of freedom, variance 1 (1 + 1/3).
    gap = number_pair(Key("", "", ""), {1: 1, 2: 2, 3: 3}, {1: 4}).difference
    assert gap is not None
    assert (gap.value, 2 - gap.low) == pytest.approx((2, 4.302653 * (4 / 3) ** 0.5))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({1: 1.0}, {1: 1.0}, Agreement.EQUAL),
        ({1: 1.0}, {1: 2.0}, Agreement.ONE_SEED),
        ({1: 1.0, 2: 1.0}, {1: 2.0, 2: 2.0}, Agreement.BEYOND),
        ({1: 1.0}, {}, Agreement.FIRST_ONLY),
        ({}, {1: 1.0}, Agreement.SECOND_ONLY),
        ({1: "h1"}, {1: "h2"}, Agreement.OTHER_TEXT),
        ({1: "h1"}, {1: "h1"}, Agreement.EQUAL),
        ({1: 1, 2: 2}, {1: 2, 2: 1}, Agreement.WITHIN),
    ],
)
def test_agreement(first, second, expected):
    assert number_pair(Key("", "", ""), first, second).agreement is expected


def test_digits_that_count():
    found = [digits(v) for v in (-98.4125, 0.00341, 1000.0, 0, -0.0)]
    assert found == ["-98.41", "0.003410", "1000", "0.000", "0.000"]


def test_rows_that_nothing_tells_apart_are_numbered(folders):
    path = folders[0] / "experiments/strokes/vlae/1/chain.parquet"
    pd.DataFrame({"arm": ["a", "a"], "mean": [1.0, 2.0]}).to_parquet(path)
    pd.DataFrame({"mean": [3.0]}).to_parquet(path.with_name("single.parquet"))
    values = numbers(Inventory(folders[0]))
    assert values[Key("chain", "strokes/vlae", "mean: arm a (2)")] == {1: 2.0}
    assert values[Key("single", "strokes/vlae", "mean")] == {1: 3.0}
    assert not [key for key in values if "low" in key[2]]


def test_verdicts(folders):
    write_verdicts(folders[1], {"vlae": "inconclusive"})
    result = found(folders)
    (verdict,) = result.changed_verdicts()
    assert (verdict.first, verdict.second) == ("supported", "inconclusive")
    assert verdict.texts == [("supported", "3 of 3"), ("inconclusive", "3 of 3")]
    assert verdict.number.agreement is Agreement.EQUAL
    assert result.summary()[-1] == "Verdicts: 1 of 1 differ."


def test_another_number_of_seeds_that_passed_is_a_difference(folders):
    path = folders[1] / "tables" / "claims.parquet"
    pd.read_parquet(path).assign(passed="2 of 3").to_parquet(path)
    result = found(folders)
    assert not result.nothing() and not result.changed_verdicts()
    assert result.verdicts[0].passed == ("3 of 3", "2 of 3")


def test_results_that_do_not_say_how_many_seeds_passed_are_compared(folders):
    path = folders[1] / "tables" / "claims.parquet"
    pd.read_parquet(path).drop(columns="passed").to_parquet(path)
    assert found(folders).verdicts[0].passed == ("3 of 3", "")


# What only one has


def test_a_run_of_one_folder_is_named_once(tmp_path):
    a = write_results(tmp_path / "a", runs=("vlae", "hvae"))
    b = write_results(tmp_path / "b", runs=("vlae",))
    missing = found((a, b)).missing
    assert [(m.kind, m.name, m.only_in) for m in missing] == [
        ("run", "strokes/hvae", "A")
    ]
    assert {m.only_in for m in found((b, a)).missing} == {"B"}


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("runs/strokes/vlae/2/training.json", "result of run", "strokes/vlae, seed 2"),
        ("runs/strokes/vlae/2", "run", "strokes/vlae, seed 2"),
        (
            "experiments/strokes/vlae/3/effects.parquet",
            "result of experiment",
            "effects of strokes/vlae, seed 3",
        ),
        ("claims/F5.spec.json", "claim", "F5"),
        ("data/strokes/spec.json", "data set", "strokes"),
    ],
)
def test_missing_files_are_named(folders, path, kind, name):
    target = folders[1] / path
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    missing = [m for m in found(folders).missing if m.kind == kind]
    assert [(m.name, m.only_in) for m in missing] == [(name, "A")]


def test_unfinished_runs_are_named(folders, tmp_path):
    (folders[1] / "runs/strokes/vlae/2/history.parquet").unlink()
    assert [str(n) for n in Inventory(folders[1]).unfinished()] == [
        "strokes/vlae, seed 2"
    ]
    page = written(folders, tmp_path)
    assert "Not trained to the end in B: strokes/vlae, seed 2." in page
    assert "trained to the end in A" not in page


# The command


def written(folders, tmp_path):
    words = ["compare", *folders, "--out", tmp_path / "c.html"]
    assert main([str(word) for word in words]) == 0
    return (tmp_path / "c.html").read_text()


def test_page_is_self_contained_and_shows_what_differs(folders, tmp_path, capsys):
    for seed in SEEDS:
        write_seed(folders[1], "vlae", seed, elbo=-40)
    edit(folders[1] / "report.spec.json", title="<script>")
    page = written(folders, tmp_path)
    assert not re.findall(r"(?:src|href)=|@import|<script", page)
    assert "-50.00 (-50.50 to -49.50)" in page and "-40.00 (-40.50 to -39.50)" in page
    assert "1 of 17 numbers differ, 1 beyond seed variation" in page
    said = capsys.readouterr().out
    assert "Numbers: 1 of 17 differ, 1 beyond seed variation" in said

    assert Tags(page).open == []


class Tags(HTMLParser):
    """Tags that are open, in order."""

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_of_equal_folders(folders, tmp_path, capsys):
    page = written(folders, tmp_path)
    assert "<li>No difference.</li>" in page
    assert 'id="settings"' not in page and 'id="missing"' not in page
    assert capsys.readouterr().out.startswith("No difference.\n")


def reference_in(path):
    path.mkdir()
    (path / "reference.json").write_text("{}")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: None, "no such folder; expected a results folder"),
        (lambda path: path.mkdir(), "expected runs/DATASET/RUN/SEED/spec.json in it."),
        (lambda path: write_results(path / "results"), "Did you mean {path}/results?"),
        (reference_in, "This is a saved reference. The report compares"),
    ],
)
def test_no_results(folders, tmp_path, capsys, make, expected):
    path = tmp_path / "none"
    make(path)
    out = tmp_path / "c.html"
    assert main(["compare", str(folders[0]), str(path), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"vlae compare: {path}: ")
    assert expected.format(path=path) in said
    assert not out.exists()


@pytest.mark.parametrize(
    "name",
    [
        "runs/strokes/vlae/1/spec.json",
        "runs/strokes/vlae/1/history.parquet",
        "experiments/strokes/vlae/1/effects.parquet",
        "tables/claims.parquet",
    ],
)
def test_broken_files_are_named(folders, tmp_path, capsys, name):
    path = folders[1] / name
    path.write_bytes(path.read_bytes()[:20])
    words = ["compare", *folders, "--out", tmp_path / "c.html"]
    assert main([str(word) for word in words]) == 1
    assert str(path) in capsys.readouterr().err


# Settings


def test_settings_key_by_key():
    first = {"a": {"b": 1, "c": []}, "d": [{"e": 1}, {"f": "x"}], "g": [1, 2]}
    assert flat(first) == {"a.b": 1, "a.c": [], "d.1.e": 1, "d.2.f": "x", "g": [1, 2]}
    second = {"a": {"b": 2, "c": []}, "d": [{"e": 1}], "g": [1, 2], "h": None}
    assert [(c.key, c.first, c.second) for c in changes(first, second)] == [
        ("a.b", "1", "2"),
        ("d.2.f", "x", UNSET),
        ("h", UNSET, "null"),
    ]
    assert changes(first, first) == []
