"""What is said of a data card, in the log and in the report."""

from vlae.results.data_card import count_left_out, remarks


def said(card):
    return {remark.title: remark.text for remark in remarks(card)}


def test_nothing_to_say_says_nothing():
    assert said({"counts": {"train": 3}}) == {}
    assert said({"left_out": {}, "empty_classes": [], "class_names": []}) == {}
    assert said({"left_out": {".heic": 0}}) == {}
    assert count_left_out({}) == 0


def test_everything_that_there_is_to_say():
    card = {
        "levels": "uint8 from 0 to 1, scaled",
        "left_out": {"no ending": 1, ".heic": 1200},
        "class_names": ["ant", "2"],
        "empty_classes": [1],
    }
    assert count_left_out(card) == 1201
    assert said(card) == {
        "Left out": "1,201 files (.heic: 1,200, no ending: 1)",
        "Levels found": "uint8 from 0 to 1, scaled",
        "Classes and their labels": '0 is "ant", 1 is "2"',
        "Classes without images": '1 is "2"',
    }


def test_one_file_and_classes_without_names():
    card = {"left_out": {"no ending": 1}, "empty_classes": [0, 3]}
    assert said(card) == {
        "Left out": "1 file (no ending: 1)",
        "Classes without images": "0, 3",
    }
