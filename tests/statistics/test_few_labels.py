"""A classifier of few labels on codes whose accuracy is known, and balanced draws."""

import numpy as np
import pytest

from vlae.statistics import few_labels
from vlae.statistics.few_labels import balanced_rows, few_label_accuracy

RANDOM = np.random.default_rng(0)
CLASSES = RANDOM.integers(0, 4, 3000)
ONE_HOT = np.eye(4)[CLASSES]


def drawn(count, labels=CLASSES, seed=0):
    return balanced_rows(labels, count, np.random.default_rng(seed))


@pytest.mark.parametrize("count", [4, 10, 100, 2000])
def test_classes_are_as_equally_frequent_as_they_can_be(count):
    rows = drawn(count)
    assert len(set(rows)) == len(rows) == count
    found = np.bincount(CLASSES[rows], minlength=4)
    assert found.max() - found.min() <= 1


def test_a_class_that_is_used_up_leaves_its_turn_to_others():
    labels = np.array([0] * 2 + [1] * 50 + [2] * 50)
    found = np.bincount(labels[drawn(22, labels)])
    assert found.tolist() == [2, 10, 10]
    assert sorted(drawn(102, labels)) == [*range(102)]


def test_fewer_labels_than_classes_are_of_different_classes():
    seen = [set(CLASSES[drawn(2, seed=seed)]) for seed in range(20)]
    assert all(len(each) == 2 for each in seen)
    assert set().union(*seen) == {0, 1, 2, 3}


def test_draws_follow_from_the_stream():
    assert (drawn(20) == drawn(20)).all()
    assert (drawn(20) != drawn(20, seed=1)).any()


def test_more_rows_than_there_are_cannot_be_drawn():
    with pytest.raises(ValueError, match="5 rows of 4"):
        drawn(5, np.zeros(4, int))


def accuracy(code, count, labels=CLASSES, seed=0):
    rows = drawn(count, labels, seed)
    rest = np.setdiff1d(np.arange(len(labels)), rows)
    return few_label_accuracy(code[rows], labels[rows], code[rest], labels[rest])


@pytest.mark.parametrize("count", [4, 8, 100])
def test_a_code_that_is_the_class_needs_one_label_each(count):
    assert accuracy(ONE_HOT, count) == 1


@pytest.mark.parametrize("count", [4, 100, 1000])
def test_a_code_that_knows_nothing_is_at_chance(count):
    code = RANDOM.normal(size=(3000, 5))
    assert accuracy(code, count) == pytest.approx(0.25, abs=0.05)


def test_two_gaussians_are_told_apart_as_well_as_can_be():
    """At a distance of 2 the best accuracy is Phi(1)."""
    labels = RANDOM.integers(0, 2, 20_000)
    code = RANDOM.normal(size=(20_000, 3))
    code[:, 0] += 2.0 * labels
    assert accuracy(code, 1000, labels) == pytest.approx(0.841, abs=0.012)


def test_a_class_without_a_label_is_always_missed():
    rows = drawn(3)
    rest = np.setdiff1d(np.arange(len(CLASSES)), rows)
    found = few_label_accuracy(
        ONE_HOT[rows], CLASSES[rows], ONE_HOT[rest], CLASSES[rest]
    )
    missed = np.isin(CLASSES[rest], CLASSES[rows], invert=True).mean()
    assert found == pytest.approx(1 - missed)


def test_the_regularisation_is_chosen_among_the_labels(monkeypatch):
    """One coordinate of a hundred says something, and there are a hundred labels."""
    labels = RANDOM.integers(0, 2, 4000)
    code = RANDOM.normal(size=(4000, 100))
    code[:, 0] += 2.0 * labels

    def mean():
        return np.mean([accuracy(code, 100, labels, seed) for seed in range(5)])

    chosen = mean()
    fixed = {}
    for strength in few_labels.STRENGTHS:
        monkeypatch.setattr(few_labels, "STRENGTHS", (strength,))
        fixed[strength] = mean()
    assert max(fixed.values()) > min(fixed.values()) + 0.03, "it matters"
    assert chosen > max(fixed.values()) - 0.03
    assert chosen > fixed[10.0] + 0.015
