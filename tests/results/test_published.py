"""The authors' numbers as reports ask for them."""

import math

import pytest

from vlae.config.published_pictures import FOLDER, NUMBERS_FILE, SHARE_OF_CLASS
from vlae.results import published
from vlae.results.published import published_number, published_numbers
from vlae.system.errors import UserError


@pytest.mark.parametrize(
    ("figure", "dataset", "name", "leader"),
    [
        ("figure5", "mnist", "thickness", 1),
        ("figure5", "mnist", "class", 3),
        ("figure3", "mnist", "class", 2),
        ("figure3", "svhn", "pixels", 3),
        ("figure6", "svhn", "mean_colour", 1),
        ("figure7", "celeba", "mean_chromaticity", 1),
        ("figure7", "celeba", "hair_luminance", 2),
    ],
)
def test_the_leader_is_ahead_of_all_others(figure, dataset, name, leader):
    layers = range(1, 1 + int(published_numbers()["layer"].max()))
    found = {n: published_number(figure, dataset, n, name) for n in layers}
    known = {n: i.value for n, i in found.items() if not math.isnan(i.value)}
    assert max(known, key=lambda n: known[n]) == leader
    assert all(i.low <= i.value <= i.high for i in found.values() if i.value == i.value)
    lead = published_number(figure, dataset, leader, name, lead=True)
    others = max(value for n, value in known.items() if n != leader)
    assert lead.value == pytest.approx(known[leader] - others, abs=2e-4)
    assert 0 < lead.low <= lead.value <= lead.high


def test_another_quantity_can_be_asked_for():
    found = published_number("figure3", "mnist", 2, "class", SHARE_OF_CLASS)
    assert 0 < found.value < 1 == published_number("figure3", "mnist", 2, "class").value


@pytest.mark.parametrize(
    "place",
    [
        ("figure5", "strokes", 1, "thickness"),
        ("figure5", "mnist", 4, "thickness"),
        ("figure5", "mnist", 1, "polarity"),
    ],
)
def test_what_was_not_measured_is_undefined(place):
    assert math.isnan(published_number(*place).value)


def test_a_lost_table_is_named(monkeypatch, tmp_path):
    published_numbers.cache_clear()
    path = tmp_path.joinpath(*FOLDER, NUMBERS_FILE)
    monkeypatch.setattr("vlae.system.checkout.ROOT", tmp_path)
    with pytest.raises(UserError, match=NUMBERS_FILE):
        published_numbers()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="Get it back from git"):
        published.published_numbers()
    published_numbers.cache_clear()
