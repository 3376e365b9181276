"""Claims F1, P1, P2, P3 and gaussian-residuals on tables whose answer is known."""

import pandas as pd
import pytest
from claims_helpers import FRESH, SHIPPED, by_part, decided, row, write_run, write_table

MATCHED, UNTRAINED = "hvae-matched", "hvae-untrained"


def facts(root, seed, run, rise=100.0, layers=1):
    """Write history and facts, which every claim reads."""
    write_run(root, {"pixels": [0.5] * layers}, seed, run=run, rise=rise)


# P1, P2


def chain_rows(excess=0.0, sure=0.7, entropy=2.2, ancestral=(0.7, 2.2), n=10000):
    measures = {
        ("noise", 200): {
            "kid": 0.1 + excess,
            "kid_above_ancestral": excess,
            "sure": sure,
            "class_entropy": entropy,
        },
        ("noise", 1000): {"kid": 0.123, "kid_above_ancestral": 0.023},
        ("ancestral", 1): {
            "kid": 0.1,
            "sure": ancestral[0],
            "class_entropy": ancestral[1],
        },
    }
    for arm in (("noise", 200), ("ancestral", 1)):
        measures[arm] |= {"precision": 0.5, "recall": 0.4, "fid": 12.0}
    return [
        {"arm": arm, "step": step, "kind": kind, "measure": measure, "n": n}
        | {"value": value, "low": value - 0.01, "high": value + 0.01}
        for (arm, step), found in measures.items()
        for measure, value in found.items()
        for kind in ("mean", "draw")
    ]


def chains(root, run=MATCHED, r_hat=(1.01, 1.02), rise=100.0, seeds=FRESH, **quality):
    for seed in seeds:
        facts(root, seed, run, rise)
        write_table(root, "chains", chain_rows(**quality), seed, run=run)
        mixing = [
            {"scalar": f"feature_{i}", "measure": "r_hat", "value": value}
            for i, value in enumerate(r_hat)
        ]
        mixing.append({"scalar": "ink", "measure": "effective_size", "value": 9.0})
        write_table(root, "mixing", mixing, seed, run=run)


def controlled(root, name="P1", run=MATCHED, **quality):
    chains(root, run, **quality)
    chains(root, UNTRAINED, rise=0.0)
    return decided(root, name, [row(run)], [row(UNTRAINED)])


def test_a_chain_as_good_as_the_model_supports_the_proposition(tmp_path):
    verdicts, findings = controlled(tmp_path)
    (verdict,) = verdicts.to_dict("records")
    assert verdict["verdict"] == "supported"
    assert (verdict["low"], verdict["high"]) == pytest.approx((-0.01, 0.01))
    note = findings["note"].iloc[0]
    assert "KID .100 / .100, sure of .70 / .70, class entropy 2.20 / 2.20" in note
    assert "after 1,000 steps KID .123" in note
    assert set(findings[findings["control"]]["outcome"]) == {"fails"}


@pytest.mark.parametrize(
    ("quality", "expected", "said"),
    [
        ({"excess": 0.2}, "not supported", "0 of 8 pass, 8 fail"),
        ({"excess": 0.045}, "inconclusive", "0 of 8 pass, 8 open"),
        ({"excess": -0.05}, "supported", "8 of 8 pass"),
        ({"sure": 0.3}, "not supported", "0 of 8 pass, 8 fail"),
        ({"entropy": 0.5}, "not supported", "0 of 8 pass, 8 fail"),
        ({"ancestral": (0.3, 2.2)}, "inconclusive", "own samples are too poor"),
        ({"ancestral": (0.7, 0.1)}, "inconclusive", "own samples are too poor"),
        ({"n": 4999}, "inconclusive", "4,999 images are too few"),
        ({"r_hat": (1.01, 1.2)}, "inconclusive", "not mixed: R-hat up to 1.20"),
        ({"r_hat": (float("nan"),)}, "inconclusive", "no R-hat"),
        ({"rise": 5.0}, "not supported", "0 of 8 pass, 8 fail"),
    ],
)
def test_other_chains(tmp_path, quality, expected, said):
    verdicts, _ = controlled(tmp_path, **quality)
    assert verdicts["verdict"].tolist() == [expected]
    assert said in verdicts["reason"].iloc[0]


def test_r_hat_vetoes_and_never_supports(tmp_path):
    verdicts, _ = controlled(tmp_path, excess=0.2, r_hat=(1.0,))
    assert verdicts["verdict"].tolist() == ["not supported"]
    verdicts, _ = controlled(tmp_path, excess=0.2, r_hat=(1.5,))
    assert verdicts["verdict"].tolist() == ["not supported"]


def test_a_control_that_passes_spoils_the_test(tmp_path):
    chains(tmp_path)
    chains(tmp_path, "hvae-small-scale")
    verdicts, _ = decided(tmp_path, "P1", [row(MATCHED)], [row("hvae-small-scale")])
    assert verdicts["verdict"].tolist() == ["inconclusive"]
    assert (
        "not clearly more than control hvae-small-scale" in verdicts["reason"].iloc[0]
    )


def test_only_the_declared_run_decides(tmp_path):
    chains(tmp_path, "hvae-plain", excess=0.2)
    verdicts, _ = decided(tmp_path, "P1", [row("hvae-plain")])
    assert verdicts["verdict"].tolist() == ["shown only"]
    assert verdicts["reason"].tolist() == ["hvae-plain does not decide"]
    assert verdicts["passed"].tolist() == ["0 of 8"]
    verdicts, _ = controlled(tmp_path, "P2", "hvae-autoregressive")
    assert verdicts["verdict"].tolist() == ["supported"]


def test_one_seed_is_too_few_for_a_chain(tmp_path):
    chains(tmp_path, seeds=[31])
    verdicts, _ = decided(tmp_path, "P1", [row(MATCHED, seeds=[31])])
    assert verdicts["reason"].tolist() == ["1 of 8 fresh seeds"]


def test_a_step_that_nobody_looked_at_is_named(tmp_path, capsys):
    chains(tmp_path)
    criterion = SHIPPED["P1"]["criterion"]
    criterion = {**criterion, "step": {"value": 100, "why": "A test."}}
    with pytest.raises(AssertionError):
        decided(tmp_path, "P1", [row(MATCHED)], criterion=criterion)
    said = capsys.readouterr().err
    assert "claims.P1.criterion.step" in said and "after 100 steps" in said
    assert "experiments.chains.steps" in said


# P3


def test_redundancy_is_shown_without_a_verdict(tmp_path):
    rows = [
        {"subject": subject, "classifier": kind, "value": value}
        | {"low": value - 0.01, "high": value + 0.01}
        for subject, value in (("latents", 0.6), ("images", 0.8), ("pairs", 0.9))
        for kind, value in (("linear", 0.5), ("trees", value))
    ]
    chains(tmp_path)
    for seed in FRESH:
        write_table(tmp_path, "redundancy", rows, seed, run=MATCHED)
    verdicts, findings = decided(tmp_path, "P3", [row(MATCHED)])
    assert set(verdicts["verdict"]) == {"shown only"}
    assert set(verdicts["reason"]) == {"exploratory"}
    assert set(verdicts["passed"]) == {""}
    assert verdicts["number"].tolist() == pytest.approx([0.6, 0.8, 0.9])
    assert set(findings["outcome"]) == {"no test"}
    assert "after 1,000 steps its chain's KID is .023" in findings["note"].iloc[0]


# F1


def recomposed(
    root, confidence=-0.02, accuracy=-0.03, elbo=-100.0, known=0.99, rise=50
):
    changes = {"confidence": confidence, "accuracy": accuracy, "elbo": elbo}
    rows = [
        {"images": arm, "measure": measure, "value": level + share * change}
        | {"difference": share * change}
        | {"difference_low": share * change - 0.005}
        | {"difference_high": share * change + 0.005}
        for arm, share in (("intact", 0), ("one_class", 1), ("several_classes", 2))
        for measure, change in {**changes, "unlikely": 0.4}.items()
        for level in [known if measure == "accuracy" else 0.05]
    ]
    for seed in FRESH:
        facts(root, seed, "vlae", rise)
        write_table(root, "recomposed", rows, seed, run="vlae")
    return decided(root, "F1", [row("vlae")])


STAYS, FALLS = "the classifier stays confident", "the ELBO falls"


def test_parts_that_suffice_for_one_and_not_for_the_other(tmp_path):
    verdicts, findings = recomposed(tmp_path)
    assert by_part(verdicts) == {STAYS: "supported", FALLS: "supported"}
    assert verdicts["number"].tolist() == pytest.approx([-0.02, -100])
    notes = findings["note"].tolist()
    assert "accuracy .96 against .99" in notes[0]
    assert "of several classes the change is -200.0 nats" in notes[1]


@pytest.mark.parametrize(
    ("changes", "stays", "falls"),
    [
        ({"confidence": -0.2}, "not supported", "supported"),
        ({"accuracy": -0.2}, "not supported", "supported"),
        ({"confidence": -0.048}, "inconclusive", "supported"),
        ({"elbo": -1.0}, "supported", "not supported"),
        ({"elbo": 20.0}, "supported", "not supported"),
        ({"rise": 1.0}, "supported", "not supported"),
        ({"known": 0.1}, "not measured", "not measured"),
    ],
)
def test_other_parts(tmp_path, changes, stays, falls):
    verdicts, _ = recomposed(tmp_path, **changes)
    assert by_part(verdicts) == {STAYS: stays, FALLS: falls}


# gaussian-residuals


def residuals(root, kl=0.01, divergence=0.2, explained=0.01, active=8, rise=50):
    """Decide the claim on residuals of layers 1 and 2, the top layer."""
    rows = [
        {"layer": layer, "dimension": 0, "measure": measure, "value": value}
        | {"low": value - 0.001, "high": value + 0.001}
        for layer in (1, 2)
        for measure, value in {
            "kl": kl if layer == 1 else 0.0,
            "divergence": divergence if layer == 1 else 0.0,
            "explained": explained if layer == 1 else float("nan"),
            "active": active if layer == 1 else 3,
        }.items()
    ]
    rows.append({"layer": 1, "dimension": 1, "measure": "kl", "value": 9.0})
    for seed in FRESH:
        facts(root, seed, "hvae", rise, layers=2)
        path = root / "runs" / "data" / "hvae" / str(seed) / "history.parquet"
        history = [
            (step, "held-out", "residual_kl_1", value)
            for step, value in ((0, 0.5), (2, 0.75), (5, 0.25))
        ]
        columns = ["step", "split", "term", "value"]
        course = pd.DataFrame(history, columns=columns)
        pd.concat([pd.read_parquet(path), course]).to_parquet(path)
        write_table(root, "residuals", rows, seed)
    return decided(root, "gaussian-residuals", [row()])


FIRST, SECOND = "residuals of layer 1", "residuals of layer 2"


def test_gaussian_residuals_are_found(tmp_path):
    verdicts, findings = residuals(tmp_path)
    assert by_part(verdicts) == {FIRST: "supported", SECOND: "supported"}
    note = findings[findings["part"] == FIRST]["note"].iloc[0]
    assert "8 active, together .025 nats each, .010 explained" in note
    assert ".500 / .750 / .250" in note
    assert "explained" not in findings[findings["part"] == SECOND]["note"].iloc[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kl": 0.06}, "not supported"),
        ({"kl": 0.0495}, "inconclusive"),
        ({"divergence": 0.5}, "not supported"),
        ({"explained": 0.1}, "not supported"),
        ({"active": 0}, "not measured"),
        ({"rise": 1}, "not supported"),
    ],
)
def test_other_residuals(tmp_path, changes, expected):
    verdicts, _ = residuals(tmp_path, **changes)
    assert by_part(verdicts)[FIRST] == expected
