"""Claims F1, P1, P2, P3 and gaussian-residuals on tables whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest
from claims_helpers import FRESH, SHIPPED, by_part, decided, row, write_run, write_table

from vlae.experiments._residuals import compared

MATCHED, UNTRAINED = "hvae-matched", "hvae-untrained"


def facts(root, seed, run, rise=100.0, layers=1):
    """Write history and facts, which every claim reads."""
    write_run(root, {"pixels": [0.5] * layers}, seed, run=run, rise=rise)


# P1, P2


def chain_rows(
    times=1.0,
    sure=0.7,
    precision=0.5,
    recall=0.4,
    entropy=2.2,
    ancestral=(0.7, 2.2),
    n=10000,
):
    measures = {
        ("noise", 200): {
            "kid": 0.1 * times,
            "kid_above_ancestral": 0.1 * (times - 1),
            "kid_over_ancestral": times,
            "sure": sure,
            "precision": precision,
            "recall": recall,
            "class_entropy": entropy,
        },
        ("noise", 1000): {"kid": 0.123, "kid_above_ancestral": 0.023},
        ("ancestral", 1): {
            "kid": 0.1,
            "sure": ancestral[0],
            "class_entropy": ancestral[1],
            "precision": 0.5,
            "recall": 0.4,
        },
    }
    for arm in (("noise", 200), ("ancestral", 1)):
        measures[arm] |= {"fid": 12.0}
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


QUALITY = "single samples of the chain are as good as the whole model's"
DISTRIBUTION = "the chain's samples are distributed as the whole model's"


def test_a_chain_as_good_as_the_model_supports_the_proposition(tmp_path):
    verdicts, findings = controlled(tmp_path)
    assert by_part(verdicts) == {QUALITY: "supported", DISTRIBUTION: "supported"}
    quality, distribution = verdicts.to_dict("records")
    # Both shares have intervals of +-0.01, their difference of sqrt(2) times that.
    ends = (quality["low"], quality["number"], quality["high"])
    assert ends == pytest.approx((-0.01414, 0, 0.01414), abs=1e-4)
    ends = (distribution["low"], distribution["number"], distribution["high"])
    assert ends == pytest.approx((0.99, 1, 1.01))
    first, second = findings["note"].iloc[:2]
    assert "sure of 0.70 / 0.70, precision 0.50 / 0.50" in first
    assert "KID 0.100 / 0.100, recall 0.40 / 0.40, class entropy 2.20 / 2.20" in second
    assert "after 1,000 steps KID 0.123" in second
    assert set(findings[findings["control"]]["outcome"]) == {"fails"}


SURE, FAILS, OPEN = "supported", "not supported", "inconclusive"


OTHER_CHAINS = [  # what differs, and the outcomes of both parts
    ({"sure": 0.6}, "fails", "passes"),
    ({"precision": 0.4}, "fails", "passes"),
    ({"precision": 0.46}, "open", "passes"),
    ({"sure": 0.67, "precision": 0.47}, "passes", "passes"),
    ({"recall": 0.3}, "passes", "fails"),
    ({"recall": 0.36}, "passes", "open"),
    ({"times": 2.5}, "passes", "fails"),
    ({"times": 1.995}, "passes", "open"),
    ({"times": 0.5}, "passes", "passes"),
    ({"times": float("nan")}, "passes", "not measured"),
    ({"entropy": 0.5}, "passes", "fails"),
    ({"rise": 5.0}, "fails", "fails"),
]


def test_other_chains(tmp_path):
    seeds = [*range(31, 31 + len(OTHER_CHAINS))]
    for seed, (quality, _, _) in zip(seeds, OTHER_CHAINS, strict=True):
        chains(tmp_path, seeds=[seed], **quality)
    _, findings = decided(tmp_path, "P1", [row(MATCHED, seeds=seeds)])
    found = findings.pivot(index="seed", columns="part", values="outcome")
    expected = [(single, together) for _, single, together in OTHER_CHAINS]
    assert [*found[[QUALITY, DISTRIBUTION]].itertuples(index=False, name=None)] == (
        expected
    )


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ({"ancestral": (0.3, 2.2)}, "own samples are too poor"),
        ({"ancestral": (0.7, 0.1)}, "own samples are too poor"),
        ({"n": 4999}, "4,999 images are too few"),
    ],
)
def test_what_cannot_be_compared(tmp_path, quality, said):
    verdicts, _ = controlled(tmp_path, **quality)
    assert verdicts["verdict"].tolist() == ["inconclusive"] * 2
    assert verdicts["reason"].str.contains(said).all()


@pytest.mark.parametrize(
    ("r_hat", "said"),
    [((1.01, 1.2), "not mixed: R-hat up to 1.20"), ((float("nan"),), "no R-hat")],
)
def test_r_hat_vetoes_the_distribution_alone(tmp_path, r_hat, said):
    verdicts, _ = controlled(tmp_path, r_hat=r_hat)
    assert by_part(verdicts) == {QUALITY: SURE, DISTRIBUTION: OPEN}
    assert said in verdicts["reason"].iloc[1]


def test_r_hat_never_supports(tmp_path):
    for r_hat in (1.0, 1.5):
        verdicts, _ = controlled(tmp_path, times=3.0, r_hat=(r_hat,))
        assert by_part(verdicts) == {QUALITY: SURE, DISTRIBUTION: FAILS}


def test_a_control_that_passes_spoils_the_test(tmp_path):
    chains(tmp_path)
    chains(tmp_path, "hvae-small-scale")
    verdicts, _ = decided(tmp_path, "P1", [row(MATCHED)], [row("hvae-small-scale")])
    assert verdicts["verdict"].tolist() == ["inconclusive"] * 2
    assert (
        "not clearly more than control hvae-small-scale" in verdicts["reason"].iloc[0]
    )


def test_only_the_declared_run_decides(tmp_path):
    chains(tmp_path, "hvae-plain", sure=0.2)
    verdicts, _ = decided(tmp_path, "P1", [row("hvae-plain")])
    assert verdicts["verdict"].tolist() == ["shown only"] * 2
    assert verdicts["reason"].iloc[0] == "hvae-plain does not decide"
    assert verdicts["passed"].iloc[0] == "0 of 8"
    verdicts, _ = controlled(tmp_path, "P2", "hvae-autoregressive")
    assert verdicts["verdict"].tolist() == ["supported"] * 2


def test_one_seed_is_too_few_for_a_chain(tmp_path):
    chains(tmp_path, seeds=[31])
    verdicts, _ = decided(tmp_path, "P1", [row(MATCHED, seeds=[31])])
    assert verdicts["reason"].tolist() == ["1 of 8 fresh seeds"] * 2


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
    assert "after 1,000 steps its chain's KID is 0.023" in findings["note"].iloc[0]


# F1


def recomposed(
    root, confidence=-0.02, accuracy=-0.03, elbo=-100.0, seam=-30.0, known=0.99, rise=50
):
    """Decide the claim where recomposing and moving parts change what they change."""
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
    moved = {"images": "moved_parts", "measure": "elbo", "difference": seam}
    beyond = {"beyond": elbo - seam, "beyond_low": elbo - seam - 2}
    rows = [each | beyond | {"beyond_high": elbo - seam + 2} for each in [*rows, moved]]
    for seed in FRESH:
        facts(root, seed, "vlae", rise)
        write_table(root, "recomposed", rows, seed, run="vlae")
    return decided(root, "F1", [row("vlae")])


STAYS, FALLS = "the classifier stays confident", "the ELBO falls"


def test_parts_that_suffice_for_one_and_not_for_the_other(tmp_path):
    verdicts, findings = recomposed(tmp_path)
    assert by_part(verdicts) == {STAYS: "supported", FALLS: "supported"}
    assert verdicts["number"].tolist() == pytest.approx([-0.02, -70])
    notes = findings["note"].tolist()
    assert "accuracy 0.96 against 0.99" in notes[0]
    said = "intact images -100.0 nats, of moved parts -30.0, of several classes -200.0"
    assert said in notes[1]


@pytest.mark.parametrize(
    ("changes", "stays", "falls"),
    [
        ({"confidence": -0.2}, "not supported", "supported"),
        ({"accuracy": -0.2}, "not supported", "supported"),
        ({"confidence": -0.048}, "inconclusive", "supported"),
        ({"seam": -99.0}, "supported", "not supported"),  # a seam explains it
        ({"seam": -91.0}, "supported", "inconclusive"),
        ({"elbo": -1.0, "seam": 0.0}, "supported", "not supported"),
        ({"elbo": 20.0}, "supported", "not supported"),
        ({"rise": 1.0}, "supported", "not supported"),
        ({"known": 0.1}, "not measured", "not measured"),
    ],
)
def test_other_parts(tmp_path, changes, stays, falls):
    verdicts, _ = recomposed(tmp_path, **changes)
    assert by_part(verdicts) == {STAYS: stays, FALLS: falls}


# gaussian-residuals


def dimension_rows(layer, shape, correlation, half=0.001):
    """Return rows of one layer with two informative dimensions and two others."""
    shapes = [shape + 0.01, shape - 0.01, 9.0, 9.0]
    correlations = [correlation, correlation, 0.3, 0.0]
    return [
        {"layer": layer, "dimension": number, "measure": measure, "value": value}
        | {"low": value - half, "high": value + half}
        for number, both in enumerate(zip(shapes, correlations, strict=True), 1)
        for measure, value in zip(
            ("signal_negentropy", "draw_correlation"), both, strict=True
        )
    ]


def residuals(
    root,
    shape=0.01,
    correlation=0.8,
    draws=8,
    kl=0.01,
    divergence=0.2,
    explained=0.01,
    rise=50,
):
    """Decide the claim on residuals of layers 1 and 2, the top layer."""
    rows = [
        {"layer": layer, "dimension": 0, "measure": measure, "value": value}
        | {"low": value - 0.001, "high": value + 0.001}
        for layer in (1, 2)
        for measure, value in {
            "kl": kl if layer == 1 else 0.0,
            "divergence": divergence if layer == 1 else 0.0,
            "explained": explained if layer == 1 else float("nan"),
            "active": 8,
            "draws": draws,
        }.items()
    ]
    rows += dimension_rows(1, shape, correlation) + dimension_rows(2, 0.0, 0.8)
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
    assert verdicts["number"].iloc[0] == pytest.approx(0.01), "two count"
    assert verdicts["low"].iloc[0] == pytest.approx(0.009)
    note = findings[findings["part"] == FIRST]["note"].iloc[0]
    assert "2 informative of 8 active, KL 0.010 nats each, together 0.025" in note
    assert "0.010 explained by the layers above" in note
    assert "0.500 / 0.750 / 0.250" in note
    assert "explained" not in findings[findings["part"] == SECOND]["note"].iloc[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"shape": 0.06}, "not supported"),
        ({"shape": 0.0495}, "inconclusive"),
        ({"kl": 0.06}, "not supported"),
        ({"kl": 0.0495}, "inconclusive"),
        ({"divergence": 0.5}, "not supported"),
        ({"explained": 0.1}, "not supported"),
        ({"correlation": 0.49}, "not measured"),
        ({"draws": 7}, "not measured"),
        ({"rise": 1}, "not supported"),
    ],
)
def test_other_residuals(tmp_path, changes, expected):
    verdicts, findings = residuals(tmp_path, **changes)
    assert by_part(verdicts)[FIRST] == expected
    if "draws" in changes:
        assert "means of 7 draws are too noisy" in findings["note"].iloc[0]


SIGNALS = {
    "two values": lambda stream, n: stream.choice([-1.0, 1.0], n),
    "Gaussian": lambda stream, n: stream.standard_normal(n),
}


@pytest.mark.parametrize("correlation", [0.6, 0.7])
@pytest.mark.parametrize(
    ("signal", "expected"), [("two values", "fails"), ("Gaussian", "passes")]
)
def test_the_posterior_cannot_hide_a_signal(tmp_path, signal, expected, correlation):
    """Three dimensions of a signal and of noise, with the variance 1 together.

    In single draws the noise makes two values at 0.6 look Gaussian enough.
    """
    seeds = FRESH[:3]
    for seed in seeds:
        stream = np.random.default_rng(seed)
        shared = SIGNALS[signal](stream, (2000, 3))
        noise = stream.standard_normal((8, 2000, 3))
        drawn = math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * noise
        table, _ = compared([3], drawn, drawn[0], 0.05)
        facts(tmp_path, seed, "hvae", 50)
        write_table(tmp_path, "residuals", table, seed)
        if (signal, correlation) == ("two values", 0.6):
            single = table[(table["dimension"] == 0) & (table["measure"] == "kl")]
            assert single["value"].iloc[0] < 0.05
    _, findings = decided(tmp_path, "gaussian-residuals", [row(seeds=seeds)])
    assert findings["outcome"].tolist() == [expected] * len(seeds)
