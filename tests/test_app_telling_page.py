"""The page tells what it does: that it works, what there is further on, what is not found."""

import re

import numpy as np
import pytest
from app_fixtures import address, as_uri, expect, visitor

from app import requests


@pytest.fixture
def page(chromium):
    """A low window: what lies under the picture is below the fold."""
    page = visitor(chromium, viewport={"width": 1200, "height": 560}, color_scheme="dark")
    page.goto(address())
    expect(page.locator(".result .picture")).to_be_visible()
    yield page
    page.context.close()


def waits(page, does, word) -> None:
    """Do something, whose answer does not come before it has a word."""
    held = []
    page.route("**/queue/join*", lambda route: held.append(route))
    does()
    expect(page.locator(".result .working")).to_have_text(word)
    for each in held:
        each.continue_()
    page.unroute("**/queue/join*")
    expect(page.locator(".result .working")).to_have_text("")


def test_a_picture_that_takes_long_has_a_word(page):
    expect(page.locator(".result .working")).to_have_text("")
    waits(page, page.get_by_role("button", name="Paint", exact=True).click, "Painting …")
    size = page.get_by_label("Size of the picture")
    waits(page, lambda: size.select_option("256"), "Painting at 256 pixels …")


def test_variations_come_into_sight_whole_and_leave_with_their_style(page):
    red = np.full((40, 40, 3), (250, 30, 0), np.uint8)
    file = {"name": "red.png", "mimeType": "image/png", "buffer": requests.contents(as_uri(red), "it")}
    page.get_by_label("Style picture file").set_input_files(file)
    expect(page.locator(".style.set")).to_be_visible()
    button, tiles = page.locator(".variations .four"), page.locator(".variations .tile")
    button.click()
    expect(tiles).to_have_count(4)
    expect(tiles.first).to_be_in_viewport(ratio=0.99)
    expect(button).to_contain_text("60 % your style")
    shape = tiles.first.locator("img").evaluate("it => it.clientWidth / it.clientHeight")
    whole = tiles.first.locator("img").evaluate("it => it.naturalWidth / it.naturalHeight")
    assert abs(shape - whole) < 0.1
    tiles.nth(1).click()
    expect(tiles.nth(1)).to_have_class("tile taken")
    page.get_by_label("Clear the style picture").click()
    expect(tiles).to_have_count(0)
    expect(button).not_to_contain_text("your style")


def test_what_could_not_be_done_comes_into_sight(page):
    line = page.locator(".style .say")
    expect(line).not_to_be_in_viewport()
    broken = {"name": "red.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.get_by_label("Style picture file").set_input_files(broken)
    expect(line).to_have_text("red.png cannot be read here: save it as JPEG or PNG.")
    expect(line).to_be_in_viewport(ratio=0.99)


def test_a_class_that_is_not_there_is_named(page):
    field, nothing = page.get_by_label("Find a class"), page.locator(".classes .nothing")
    field.fill("zebra")
    expect(nothing).to_have_text("No class called “zebra”")
    field.fill("car")
    expect(nothing).to_be_hidden()


def test_what_the_browser_draws_is_dark_with_the_page(page):
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_strip_fades_where_it_goes_on(page):
    """The strip of styles, with more of them than it has room for."""
    strip = page.locator(".style .strip")
    strip.evaluate(
        """strip => { for (let at = 0; at < 60; at++) {
            const tile = document.createElement("button");
            strip.append(Object.assign(tile, { className: "tile", textContent: at }));
        } }"""
    )
    expect(strip).to_have_class(re.compile("beyond"))
    strip.evaluate("strip => { strip.scrollLeft = 40; }")
    expect(strip).to_have_class(re.compile("before"))
