"""Claims on results whose answer is known, and controls that must turn them."""

import re

import pandas as pd
import pytest
import torch
import yaml
from claims_helpers import (
    FRESH,
    SHIPPED,
    by_part,
    decided,
    row,
    write_run,
    write_table,
)
from effects_of_claims import HVAE, HVAE_ALL, VLAE, Drawing, permuted, write_all
from experiments_helpers import effects
from helpers import ROOT, network, spec, untrained

from vlae.__main__ import main
from vlae.claims.base import numbers, reasons
from vlae.claims.expected_layers import WIDE
from vlae.claims.verdicts import FINDING_COLUMNS, VERDICT_COLUMNS
from vlae.config.experiment_tables import makers
from vlae.experiments import stability
from vlae.results.published import published_number
from vlae.system import registry
from vlae.training.trained_run import TrainedRun

ANY_HVAE = {k: v for k, v in SHIPPED["F3"]["criterion"].items() if k != "decides"}


def hvae_with_control(root, effects=HVAE, control=VLAE, **facts):
    write_all(root, effects, **facts)
    write_all(root, control, run="vlae")
    verdicts, findings = decided(root, "F3", [row()], [row("vlae")], criterion=ANY_HVAE)
    assert len(verdicts) == 1
    return verdicts.iloc[0], findings


# F3


def test_a_claim_that_needs_a_control_is_not_supported_without_one(tmp_path):
    """As where an overlay shows other figures, and does not name the control."""
    write_all(tmp_path, HVAE)
    verdicts, _ = decided(
        tmp_path, "F3", [row()], criterion=ANY_HVAE, needs_control=True
    )
    assert verdicts["verdict"].tolist() == ["inconclusive"]
    assert "no control has been run on these data" in verdicts["reason"].iloc[0]


def test_one_layer_that_carries_everything_is_found(tmp_path):
    verdict, findings = hvae_with_control(tmp_path)
    assert verdict["verdict"] == "supported"
    assert verdict["number"] == pytest.approx(0.95)
    assert (verdict["low"], verdict["high"]) == pytest.approx((0.93, 0.97))
    assert verdict["seeds"] == ", ".join(map(str, FRESH))
    assert (verdict["passed"], verdict["controls"]) == ("8 of 8", "vlae 0 of 8")
    assert verdict["criterion"].startswith("On class the largest total effect T of a")
    assert [*findings.columns] == FINDING_COLUMNS
    own = findings[~findings["control"]]
    assert set(own["outcome"]) == {"passes"}
    note = own["note"].iloc[0]
    assert "layer 3 leads in pixels (T 0.10 / 0.15 / 0.90)" in note
    assert "KL 5.00 / 10.00 / 15.00 nats" in note
    assert "active units 1 of 8 / 2 of 8 / 3 of 8" in note
    assert set(findings[findings["control"]]["outcome"]) == {"fails"}


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1)])
def test_which_layer_it_is_does_not_matter(tmp_path, order):
    verdict, findings = hvae_with_control(tmp_path, permuted(HVAE, order))
    assert verdict["verdict"] == "supported"
    layer = [*order].index(2) + 1
    assert f"layer {layer} leads in pixels" in findings["note"].iloc[0]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"class": [0.1, 0.3, 0.9]}, "not supported"),  # another is not minor
        ({"class": [0.1, 0.1, 0.5]}, "not supported"),  # nor almost everything
        ({"class": [0.1, 0.19, 0.9]}, "inconclusive"),  # the interval reaches 0.21
        ({"class": [0.1, 0.1, 0.61]}, "inconclusive"),
        ({"pixels": [0.4, 1, 0.1]}, "supported"),  # as in the authors' picture
        ({"class": [float("nan")] * 3}, "not measured"),  # does not vary
    ],
)
def test_what_the_test_of_one_layer_asks(tmp_path, changed, expected):
    verdict, _ = hvae_with_control(tmp_path, {**HVAE, **changed})
    assert verdict["verdict"] == expected


def test_a_class_that_is_withheld_is_not_measured(tmp_path):
    verdict, _ = hvae_with_control(tmp_path, withheld=("class",))
    assert verdict["verdict"] == "not measured"


def test_only_the_declared_hvae_decides(tmp_path):
    write_all(tmp_path, HVAE)
    verdicts, _ = decided(tmp_path, "F3", [row()])
    assert verdicts["verdict"].tolist() == ["shown only"]
    assert verdicts["reason"].tolist() == ["hvae does not decide"]


def test_a_control_that_passes_as_often_takes_support_away(tmp_path):
    verdict, _ = hvae_with_control(tmp_path, control=HVAE)
    assert verdict["verdict"] == "inconclusive"
    assert "not clearly more than control vlae (8 of 8), p = 1.000" in verdict["reason"]


def test_a_vlae_in_place_of_the_hvae_is_not_supported(tmp_path):
    verdict, _ = hvae_with_control(tmp_path, VLAE)
    assert verdict["verdict"] == "not supported"


def test_an_untrained_model_supports_nothing(tmp_path):
    """Its bottom layer makes the image, so its effects alone would pass."""
    verdict, _ = hvae_with_control(tmp_path, rise=0)
    assert verdict["verdict"] == "not supported"


def test_two_seeds_are_too_few_and_one_of_development_is_none(tmp_path, capsys):
    write_all(tmp_path, HVAE, seeds=(1, 31, 32))
    verdicts, findings = decided(
        tmp_path, "F3", [row(seeds=(1, 31, 32))], criterion=ANY_HVAE
    )
    (verdict,) = verdicts.to_dict("records")
    assert (verdict["verdict"], verdict["passed"]) == ("shown only", "2 of 2")
    assert verdict["reason"] == "2 of 8 fresh seeds"
    assert findings["counts"].tolist() == [False, True, True]
    said = "one layer carries almost everything: shown only (passed: 2 of 2)"
    assert said in capsys.readouterr().out


# F5


PARTS = [
    "thickness in layer 1",
    "slant within the class in layer 2",
    "width within the class in layer 2",
    "class in layer 3",
]


def test_every_property_in_its_layer(tmp_path):
    write_all(tmp_path, VLAE)
    verdicts, findings = decided(tmp_path, "F5", [row()])
    assert [*by_part(verdicts).items()] == [
        (part, "supported") for part in (*PARTS, WIDE)
    ]
    assert verdicts["number"].tolist() == pytest.approx([0.8, 0.7, 0.9, 0.9, 0.5])
    assert len(findings) == 5 * 8
    note = findings["note"].iloc[0]
    assert "S 0.80 / 0.20 / 0.10, T 0.80 / 0.20 / 0.10" in note
    assert "layer 1 knows it best (0.80 / 0.20 / 0.10)" in note


def test_the_authors_picture_passes_its_own_criterion(tmp_path):
    """Its numbers, with intervals as wide as those of one picture."""
    names = ["thickness", "slant_within_class", "width_within_class", "class"]
    found = {
        name: [published_number("figure5", "mnist", i, name).value for i in (1, 2, 3)]
        for name in names
    }
    write_all(tmp_path, found, half=0.08)
    verdicts, _ = decided(tmp_path, "F5", [row()])
    assert [by_part(verdicts)[part] for part in PARTS] == ["supported"] * 4


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1)])
def test_a_vlae_with_its_layers_permuted_is_not_supported(tmp_path, order):
    write_all(tmp_path, permuted(VLAE, order))
    verdicts, _ = decided(tmp_path, "F5", [row()])
    found = by_part(verdicts)
    assert found.pop(WIDE) == "supported", "which the layers' order does not touch"
    assert set(found.values()) == {"not supported"}


@pytest.mark.parametrize(
    ("thickness", "expected"),
    [
        ([0.23, 0.1, 0.05], "inconclusive"),
        ([0.19, 0.1, 0.05], "not supported"),
        ([0.7, 0.68, 0.1], "inconclusive"),
        ([0.7, 0.9, 0.1], "not supported"),
        ([float("nan")] * 3, "not measured"),
    ],
)
def test_what_a_layer_that_leads_asks(tmp_path, thickness, expected):
    write_all(tmp_path, {**VLAE, "thickness": thickness})
    verdicts, _ = decided(tmp_path, "F5", [row()])
    found = by_part(verdicts)
    assert found.pop("thickness in layer 1") == expected
    assert set(found.values()) == {"supported"}, "each is judged by itself"


@pytest.mark.parametrize(
    ("slant", "expected"),
    [
        ([0.04, 0.25, 0.52], "supported"),  # more in layer 3 is no objection
        ([0.30, 0.32, 0.1], "inconclusive"),
        ([0.40, 0.30, 0.1], "not supported"),
        ([0.01, 0.09, 0.5], "not supported"),
    ],
)
def test_what_a_layer_that_gains_asks(tmp_path, slant, expected):
    write_all(tmp_path, {**VLAE, "slant_within_class": slant})
    verdicts, _ = decided(tmp_path, "F5", [row()])
    assert by_part(verdicts)["slant within the class in layer 2"] == expected


def test_first_order_effects_decide(tmp_path):
    """A layer that moves much only together with others fixes little."""
    write_all(tmp_path, VLAE, first={"class": [0.02, 0.02, 0.1]})
    verdicts, _ = decided(tmp_path, "F5", [row()])
    assert by_part(verdicts)["class in layer 3"] == "not supported"


def test_seeds_that_differ_are_inconclusive(tmp_path):
    write_all(tmp_path, VLAE, seeds=FRESH[:6])
    write_all(tmp_path, permuted(VLAE, (1, 2, 0)), seeds=FRESH[6:])
    verdicts, _ = decided(tmp_path, "F5", [row()])
    assert set(verdicts["verdict"].iloc[:-1]) == {"inconclusive"}
    assert verdicts["reason"].iloc[0] == "6 of 8 pass, 2 fail"


def test_what_nobody_names_is_not_measured(tmp_path):
    write_all(tmp_path, VLAE, withheld=("class",))
    without = {k: v for k, v in VLAE.items() if k != "slant_within_class"}
    write_all(tmp_path, without, run="vlae")
    verdicts, _ = decided(tmp_path, "F5", [row(), row("vlae")])
    missing = verdicts[verdicts["verdict"] == "not measured"]
    assert missing[["run", "part"]].to_numpy().tolist() == [
        ["hvae", "class in layer 3"],
        ["vlae", "slant within the class in layer 2"],
    ]
    reasons_given = missing["reason"].tolist()
    assert "withheld" in reasons_given[0] and "nothing here" in reasons_given[1]


@pytest.mark.parametrize(
    ("wide", "expected"),
    [
        ((0.5, 0.1, 0.7), "supported"),
        ((0.1, -0.1, 0.3), "inconclusive"),
        ((-0.5, -0.7, -0.1), "not supported"),
        ((float("nan"),) * 3, "not measured"),
    ],
)
def test_wide_codes(tmp_path, wide, expected):
    write_all(tmp_path, VLAE, wide=wide)
    verdicts, _ = decided(tmp_path, "F5", [row()])
    assert by_part(verdicts)[WIDE] == expected


def test_a_layer_that_is_not_there_is_named(tmp_path, capsys):
    write_all(tmp_path, {name: values[:2] for name, values in VLAE.items()})
    with pytest.raises(AssertionError):
        decided(tmp_path, "F5", [row()])
    said = capsys.readouterr().err
    assert "claims.F5.criterion" in said and "has no layer 3" in said


def order(root, effects, dataset="mnist", **facts):
    """Decide the claim on a run with `effects`, against one that mixes all layers."""
    write_all(root, effects, dataset=dataset, **facts)
    write_all(root, HVAE_ALL, run="vae", dataset=dataset)
    runs = [row(dataset=dataset)], [row("vae", dataset=dataset)]
    verdicts, findings = decided(root, "layer-order", *runs)
    return verdicts.iloc[0], findings["note"].iloc[0]


def test_deeper_layers_for_more_abstract_properties(tmp_path):
    verdict, note = order(tmp_path, VLAE)
    assert (verdict["verdict"], verdict["number"]) == ("supported", pytest.approx(1))
    assert "thickness in layer 1, slant within the class in layer 2" in note
    assert "MIG 0.25" in note


@pytest.mark.parametrize(
    ("effects", "expected", "correlation"),
    [
        (permuted(VLAE, (2, 1, 0)), "not supported", -1.0),
        (permuted(VLAE, (1, 0, 2)), "not supported", None),
        (HVAE_ALL, "not supported", 0.0),  # one layer carries all
        ({**VLAE, "width_within_class": [0.1, 0.7, 0.72]}, "supported", None),
        ({**VLAE, "width": [0.1, 0.2, 0.9]}, "supported", 1.0),  # the class is in it
        ({**VLAE, "thickness": [0.5, 0.5, 0.5]}, "inconclusive", None),
        ({**VLAE, "slant_within_class": [float("nan")] * 3}, "not measured", None),
    ],
)
def test_other_orders(tmp_path, effects, expected, correlation):
    verdict, _ = order(tmp_path, effects)
    assert verdict["verdict"] == expected
    if correlation is not None:
        assert verdict["number"] == pytest.approx(correlation)


def test_an_effect_without_an_interval_has_no_layer(tmp_path):
    write_all(tmp_path, VLAE, half=float("nan"))
    verdicts, _ = decided(tmp_path, "layer-order", [row(dataset="data")])
    assert verdicts["verdict"].tolist() == ["not measured"]


def test_only_mnist_decides_the_order(tmp_path):
    verdict, _ = order(tmp_path, VLAE, dataset="strokes")
    assert verdict["verdict"] == "shown only"
    assert (verdict["reason"], verdict["passed"]) == (
        "strokes does not decide",
        "8 of 8",
    )
    assert order(tmp_path, VLAE, rise=0)[0]["verdict"] == "not supported"


# stable-codes

WIDTH, SLANT = "width_within_class", "slant_within_class"
STEADY = {
    ("total", 1, 0, "thickness"): 0.8,
    ("ratio", 1, 0, "thickness"): 0.9,
    ("sign", 1, 1, "thickness"): 0.55,  # the other coordinate
    ("sign", 1, 2, "thickness"): 0.95,
    ("total", 2, 0, WIDTH): 0.7,
    ("ratio", 2, 0, WIDTH): 0.8,
    ("sign", 2, 1, WIDTH): 0.97,
    ("total", 2, 0, SLANT): 0.1,  # too little to ask
    ("ratio", 2, 0, SLANT): 0.1,
    ("sign", 2, 1, SLANT): 0.5,
    ("total", 3, 0, "class"): 0.9,
    ("ratio", 3, 0, "class"): 0.85,  # a vector, so it has no sign
    ("total", 1, 0, "class"): 0.6,  # not its layer, so it is not asked
    ("ratio", 1, 0, "class"): 0.1,
}


def steady(root, changes=(), draws=4096, **facts):
    """Return verdicts on layers with a property each, with `changes` of their rows.

    A row that is None is left out.
    """
    rows = {**STEADY, **dict(changes)}
    table = pd.DataFrame(
        [
            (*key, "", v, v - 0.04, v + 0.04, draws)
            for key, v in rows.items()
            if v is not None
        ],
        columns=stability.COLUMNS,
    )
    for seed in FRESH:
        write_run(root, VLAE, seed, **facts)
        write_table(root, "stability", table, seed)
    verdicts, findings = decided(root, "stable-codes", [row()])
    return verdicts["verdict"].tolist(), findings


def test_codes_of_one_meaning(tmp_path):
    found, findings = steady(tmp_path)
    assert found == ["supported", "supported"]
    assert findings["number"].iloc[:2].tolist() == pytest.approx([0.8, 0.95])
    ratio, sign = findings["note"].iloc[:2]
    left_out = "layer 2 hardly moves slant within the class (T 0.10)"
    assert ratio == (
        "thickness in layer 1 0.90, width within the class in layer 2 0.80, "
        f"class in layer 3 0.85; {left_out}"
    )
    assert sign.endswith(f"width within the class in layer 2 0.97; {left_out}")


RATIO, SIGN = ("ratio", 1, 0, "thickness"), ("sign", 1, 2, "thickness")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({RATIO: 0.25}, ["not supported", "supported"]),
        ({RATIO: 0.35}, ["inconclusive", "supported"]),
        ({("ratio", 3, 0, "class"): 0.25}, ["not supported", "supported"]),
        ({SIGN: 0.6}, ["supported", "not supported"]),
        ({SIGN: 0.82}, ["supported", "inconclusive"]),
        ({("sign", 2, 1, WIDTH): 0.6}, ["supported", "not supported"]),
        ({("total", 2, 0, SLANT): 0.3}, ["not supported"] * 2),
        ({("total", 3, 0, "class"): None}, ["not measured", "supported"]),
        ({key: 0.1 for key in STEADY if key[0] == "total"}, ["not measured"] * 2),
    ],
)
def test_codes_whose_meaning_depends_on_others(tmp_path, changes, expected):
    assert steady(tmp_path, changes)[0] == expected


def test_a_property_is_asked_of_its_own_layer_alone(tmp_path):
    changes = {("total", 2, 0, "thickness"): 0.9, ("ratio", 2, 0, "thickness"): 0.1}
    assert steady(tmp_path, changes)[0] == ["supported"] * 2


def test_too_few_draws_measure_no_ratio(tmp_path):
    found, findings = steady(tmp_path, draws=4095)
    assert found == ["not measured", "supported"]
    assert (
        findings["note"]
        .iloc[0]
        .startswith(
            "not measured from enough draws: thickness, width within the class, class"
        )
    )
    assert steady(tmp_path, rise=0)[0] == ["not supported"] * 2


def test_a_layer_that_the_model_has_not_cannot_be_stable(tmp_path, capsys):
    with pytest.raises(AssertionError):
        steady(tmp_path, {key: None for key in STEADY if key[1] == 3})
    said = capsys.readouterr().err
    assert "claims.stable-codes.criterion.layers" in said and "no layer 3" in said


DRAWN = {
    "effect": {"value": "total", "why": "drawn so"},
    "leads": {
        "mean_colour": {"value": 1, "why": "drawn so"},
        "contrast": {"value": 2, "why": "drawn so"},
    },
    "least": {
        "mean_colour": {"value": 0.5, "why": "drawn so"},
        "contrast": {"value": 0.5, "why": "drawn so"},
    },
    "rise": {"value": 10, "why": "as shipped"},
}


def drawn_verdicts(root, model, data, rise):
    """Return verdicts on F5 with `DRAWN`, from the experiment itself."""
    for seed in FRESH:
        trained = TrainedRun(spec(seed=seed), model, torch.device("cpu"))
        settings = {"settings": {"draws": 400}, "measures": ["colour"]}
        found = effects(trained, data, classifier=None, **settings)
        write_run(root, {"pixels": [0.5, 0.5]}, seed, rise=rise)
        write_table(root, "effects", found, seed)
    verdicts, _ = decided(root, "F5", [row()], criterion=DRAWN)
    return verdicts["verdict"].tolist()


@pytest.mark.parametrize(
    ("order", "expected"), [((0, 1), "supported"), ((1, 0), "not supported")]
)
def test_layers_of_a_model_and_the_same_permuted(tmp_path, data, order, expected):
    assert drawn_verdicts(tmp_path, Drawing(order), data, 100) == [expected] * 2


def test_an_untrained_vlae_is_not_supported(tmp_path, data):
    model = untrained(spec(network("vlae"))).model
    assert drawn_verdicts(tmp_path, model, data, 0) == ["not supported"] * 2


# Every kind of claim


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_claim_says_its_criterion_and_why(name):
    claim = SHIPPED[name]
    module = registry.load("claims", claim["kind"])
    assert set(makers(module.TABLES)) <= set(registry.names("experiments"))
    found = reasons(claim["criterion"])
    assert found or "exploratory" in module.criterion({})
    assert all(why.endswith(".") for _, _, why in found)
    words = module.criterion(numbers(claim["criterion"]))
    assert words.endswith(".")
    for key, value, _ in found:
        if key.startswith("order"):  # shown as an order
            continue
        shown = f"{value:g}" if isinstance(value, (int, float)) else value
        shown = shown.replace(", ", " and ")
        assert shown in words.replace("'", "").replace(", ", " and ").replace(",", "")


@pytest.mark.parametrize("kind", registry.names("claims"))
def test_every_kind_lists_the_keys_of_its_criterion(kind):
    path = ROOT / "workflow" / "schemas" / "claims" / f"{kind}.schema.yaml"
    schema = yaml.safe_load(path.read_text(encoding="utf-8"))
    keys = schema["properties"]["criterion"].get("properties", {})
    listed = re.findall(
        r"^    (\w+): ", str(registry.load("claims", kind).__doc__), re.M
    )
    assert {*listed} == {*keys}


def test_missing_results_are_named(tmp_path, capsys):
    write_all(tmp_path, HVAE)
    (tmp_path / "experiments" / "data" / "hvae" / "32" / "effects.parquet").unlink()
    with pytest.raises(AssertionError):
        decided(tmp_path, "F3", [row()])
    said = capsys.readouterr().err
    assert "32/effects.parquet" in said and "Traceback" not in said


def test_verdicts_are_joined(tmp_path):
    write_all(tmp_path, VLAE)
    parts = []
    for name in ("F3", "F5"):
        verdicts, _ = decided(tmp_path, name, [row()])
        parts.append(tmp_path / f"{name}.parquet")
        verdicts.to_parquet(parts[-1])
    out = tmp_path / "all.parquet"
    words = ["verdicts", "--verdicts", *map(str, parts), "--out", str(out)]
    assert main(words) == 0
    table = pd.read_parquet(out)
    assert [*table.columns] == VERDICT_COLUMNS
    assert table["id"].tolist() == ["F3", *["F5"] * 5]
    assert main(["verdicts", "--verdicts", "--out", str(out)]) == 0
    assert pd.read_parquet(out).empty
