"""The report as a person has it: opened from disk, sorted, enlarged, moved, printed."""

import io
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from browser import LAPTOP, PHONE, chromium, faults, opened
from PIL import Image
from playwright.sync_api import expect
from report_helpers import LOOKED_AT, write_report


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("project") / "results")


@pytest.fixture(scope="module")
def first(browser, path):
    with opened(browser, path) as found:
        yield found


@pytest.fixture
def page(first):
    """The page as it opens; afterwards no trouble, and no request but for the file."""
    first.page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    first.page.emulate_media(color_scheme="light")
    yield first.page
    assert not first.trouble
    assert first.asked[0].startswith("file:")
    assert all(address.startswith(("data:", "blob:")) for address in first.asked[1:])


RESOLVES = """() => [...document.querySelectorAll("a[href]")]
  .map(link => link.getAttribute("href"))
  .filter(to => to.startsWith("#") && !document.getElementById(to.slice(1)))"""
EMPTY = """() => [...document.querySelectorAll("main img")]
  .filter(image => !image.complete || !image.naturalWidth).length"""


def test_every_link_and_image_resolves(page, path):
    assert page.evaluate(RESOLVES) == []
    others = page.evaluate(
        "[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
    )
    others = {to for to in others if not to.startswith("#")}
    assert others == {"explorer.html"}
    assert all((path.parent / to).is_file() for to in others)
    assert page.evaluate(EMPTY) == 0
    assert page.locator("main img").count() == 4 + 3 + 3 + 3


def test_first_screen(page):
    """What was found, the picture and the head of the verdicts, without scrolling."""
    page.evaluate("scrollTo(0, 0)")
    for place in ("#says + *", ".teaser img >> nth=3", "#verdicts thead"):
        expect(page.locator(place)).to_be_in_viewport(ratio=1)
    assert page.locator("#summary li").count() == 3
    assert page.locator(".teaser a").first.get_attribute("href") == "#figure3"


def test_what_was_found_in_the_data(page):
    """The card of `report_helpers`: levels, files left out, classes and empty ones."""
    expect(page.locator("#what")).to_contain_text(
        "held-out images; files left out: 1,020)"
    )
    rows = page.locator("#data-strokes ~ table >> nth=0").locator("tr")
    found = dict(text.split("\t", 1) for text in rows.all_inner_texts())
    assert found == {
        "Left out": "1,020 files (.heic: 1,018, no ending: 2)",
        "Levels found": "uint8 from 0 to 255, taken as levels from 0 to 255",
        "Classes and their labels": '0 is "<ant>", 1 is "bee"',
        "Classes without images": '1 is "bee"',
        "train.npy": "abc" * 20,
    }


def test_figures_and_claims_say_how_sure_and_whence(page, path):
    for place in ("#figure5", "#claims"):
        text = page.locator(place).text_content()
        assert "3 seeds (1 to 3), on strokes only" in text
        assert "snakemake --cores 2 --configfile tiny.yaml -- results/" in text
    files = page.locator("#figure5 .files code").all_text_contents()
    folder = "results/experiments/strokes/vlae/{1,2,3}"
    assert f"{folder}/{{traversal,effects}}.parquet" in files
    assert f"{folder}/generation.npz" in files


# Tables


def column(page, place, number):
    cells = page.locator(f"{place} tbody tr > :nth-child({number + 1})")
    return cells.all_text_contents()


def numbers(page, place):
    """Of a column of cells such as '0.600 (0.137–0.877)'."""
    return [float(text.split()[0]) for text in column(page, place, 3)]


def test_tables_sort_by_the_number_at_the_start(page):
    place = '[data-name="figure2"] table'
    page.click("#figure2 summary:text('The numbers')")
    heading = page.locator(f"{place} th").nth(3)
    assert heading.inner_text().startswith("KID")
    before = column(page, place, 3)
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    values = numbers(page, place)
    assert values == sorted(values) and values[-1] == 0.3
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert numbers(page, place) == values[::-1]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert column(page, place, 3) == before
    # What is empty stays last both ways.
    steps = page.locator(f"{place} th").nth(2)
    for ends in (("1", "500"), ("500", "1")):
        steps.get_by_role("button").click()
        found = column(page, place, 2)
        known = [text for text in found if text]
        assert found == known + [""] * (len(found) - len(known))
        assert (known[0], known[-1]) == ends
    steps.get_by_role("button").click()


ODD = [
    ("−3.5", "1:09", "layer 10", 'say "a", b'),
    ("> 1.2 (1.1–1.3)", "12:05", "layer 9", "é"),
    ("60,000", "1:10", "Layer 1", ""),
    ("undefined", "0:59", "", "-1"),
    ("1e-3", "100:00", "layer 2", "x"),
]


def test_odd_cells_sort_and_are_saved(browser, path, tmp_path):
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ODD
    )
    head = "<thead><tr><th>a<th>b<th>c<th>d</tr></thead>"
    table = f"<table><caption>Odd</caption>{head}<tbody>{rows}</tbody></table>"
    box = f'<div class="table" data-name="odd">{table}</div></main>'
    (tmp_path / "odd.html").write_text(path.read_text().replace("</main>", box))
    with opened(browser, tmp_path / "odd.html") as found:
        place = '[data-name="odd"]'
        orders = []
        for number in range(3):
            found.page.locator(f"{place} th button").nth(number).click()
            cells = column(found.page, place, number)
            orders.append([[row[number] for row in ODD].index(cell) for cell in cells])
        assert orders == [[0, 4, 1, 2, 3], [3, 0, 2, 1, 4], [2, 4, 1, 0, 3]]
        with found.page.expect_download() as waiting:
            found.page.get_by_role("button", name="Save as CSV: Odd").click()
        read = pd.read_csv(
            waiting.value.path(), encoding="utf-8-sig", dtype=str, keep_default_na=False
        )
    assert [tuple(row) for row in read.to_numpy()] == [ODD[i] for i in orders[-1]]


def test_tables_are_saved_as_csv(page):
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as CSV: All runs").click()
    saved = waiting.value
    assert saved.suggested_filename == "runs.csv"
    found = pd.read_csv(saved.path(), encoding="utf-8-sig", dtype=str)
    assert found["seed"].tolist() == ["1", "2", "3"]
    assert found["ELBO"].tolist() == ["-49.0", "-48.0", "-47.0"]
    shown = page.locator('[data-name="runs"] th').all_inner_texts()
    assert [text.strip() for text in shown] == [*found.columns]


# Pictures


def test_pictures_open_larger_by_keyboard(page):
    press = page.locator("#figure5 .zoom")
    press.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    expect(dialog).to_be_visible()
    image = dialog.locator("img")
    page.wait_for_function("document.querySelector('dialog img').style.width")
    assert image.get_attribute("src") == press.locator("img").get_attribute("src")
    before = image.bounding_box()["width"]
    page.keyboard.press("+")
    assert image.bounding_box()["width"] == pytest.approx(1.4 * before, rel=0.01)
    for _ in range(3):
        page.keyboard.press("+")
    assert image.evaluate("it => getComputedStyle(it).imageRendering") == "pixelated"
    view = dialog.locator(".view")
    start = view.evaluate("it => it.scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "x => document.querySelector('.view').scrollLeft > x", arg=start
    )
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert press.evaluate("it => it === document.activeElement")


def test_the_wheel_keeps_what_is_under_it(page):
    page.locator("#figure5 .zoom").click()
    page.wait_for_function("document.querySelector('dialog img').style.width")
    image = page.locator("dialog img")
    page.keyboard.press("+")
    box = image.bounding_box()
    x, y = 500, 300
    share = (x - box["x"]) / box["width"]
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "width => document.querySelector('dialog img').clientWidth > width",
        arg=box["width"] + 1,
    )
    box = image.bounding_box()
    assert (x - box["x"]) / box["width"] == pytest.approx(share, abs=0.005)
    page.keyboard.press("Escape")


# Chains


def grey(page, number):
    """Grey level of the middle of a panel of chains as it is on the screen."""
    shot = page.locator(".chain .frame").nth(number).screenshot()
    with Image.open(io.BytesIO(shot)) as image:
        return int(np.median(np.asarray(image.convert("L"))))


def test_slider_shows_the_chains_at_another_step(page):
    slider = page.locator(".steps input")
    assert slider.get_attribute("aria-valuetext") == "step 200"
    expect(page.locator(".ticks")).to_have_text("0150200500")
    # Looks are 20 levels apart, ink on white; see `report_helpers`.
    assert (grey(page, 0), grey(page, 1)) == (255 - 80, 255 - 180)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "step 50"
    assert (grey(page, 0), grey(page, 1)) == (255 - 60, 255 - 160)
    page.keyboard.press("End")
    expect(page.locator(".chain .step")).to_have_text(["step 500", "step 200"])
    assert (grey(page, 0), grey(page, 1), grey(page, 2)) == (155, 75, 255)
    page.locator(".steps button").click()  # from the beginning
    expect(page.locator(".steps button")).to_have_text("Pause")
    assert slider.get_attribute("aria-valuetext") == "step 0"
    expect(page.locator(".steps output")).to_have_text("step 1")
    page.locator(".steps button").click()
    slider.fill("3")


# Curves


def test_curves_say_their_values(page):
    plot = page.locator(".plot").first
    plot.scroll_into_view_if_needed()
    values = plot.locator(".values")
    expect(values).to_be_hidden()
    box = plot.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] / 2)
    told = "step 6, nats\nheld-out −78 (−79 to −77)\ntrain −68 (−69 to −67)"
    assert values.inner_text() == told
    page.mouse.move(0, 0)
    expect(values).to_be_hidden()
    plot.focus()
    page.keyboard.press("Home")
    assert plot.get_attribute("aria-valuetext").startswith(
        "step 0, nats\nheld-out −498 "
    )
    page.keyboard.press("ArrowRight")
    assert plot.get_attribute("aria-valuenow") == str(LOOKED_AT[1])
    assert values.inner_text() == told
    plot.evaluate("it => it.blur()")


def test_curves_are_drawn_where_their_values_are(page):
    """The last point of the first held-out seed, by the labels of the axis."""
    plot = page.locator(".plot").first
    points = plot.locator("polyline").first.get_attribute("points").split()
    ys = {
        float(text.text_content().replace("−", "-")): float(text.get_attribute("y"))
        for text in plot.locator("text[dominant-baseline]").all()
    }
    (low, at_low), *_, (high, at_high) = sorted(ys.items())
    height = at_low + (-49 - low) / (high - low) * (at_high - at_low)
    assert float(points[-1].split(",")[1]) == pytest.approx(height, abs=0.05)


# Everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_no_serious_fault_for_anybody(page, size, scheme):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_verdicts_are_seen_on_a_phone_without_scrolling_sideways(page):
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    box = page.locator(".verdicts .table")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    verdict = page.locator(".verdicts .verdict").first
    ends = verdict.bounding_box()
    assert ends["x"] >= 0 and ends["x"] + ends["width"] <= PHONE[0]


def test_headings_are_in_order_and_the_content_can_be_reached(page):
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    page.locator(".skip").focus()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_print_has_everything_and_no_controls(page):
    page.emulate_media(media="print")
    for place in (".steps", ".saves >> nth=0", "nav", ".skip"):
        expect(page.locator(place)).to_be_hidden()
    expect(page.locator('[data-name="figure2"] td').first).to_be_visible()
    page.emulate_media(media="screen")


def test_without_script_the_page_is_whole(browser, path):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("button, dialog, .steps").count() == 0
    expect(page.locator("polyline").first).to_be_visible()
    assert page.locator("#figure2 figure > img").count() == 1
    assert re.search("step 200", page.locator(".chain figcaption").first.inner_text())
    context.close()
