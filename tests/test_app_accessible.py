"""Every tab, light and dark, at a desk and on a phone, through axe-core: nothing serious or critical.

And in every width between, nothing sticks out of the box that it stands in.
"""

import pytest
from app_fixtures import expect, save_checkpoint, visitor
from axe_playwright_python.sync_playwright import Axe
from translate_fixtures import save_translator
from video_fixtures import save_animator

from app.shelf import Shelf
from app.training import Training
from app.ui import build, launch

SHOWS = {  # what must be seen before a tab is judged
    "Paint": ".result .picture",
    "Translate": "#t-panes .tile",
    "Video": ".subjects .card",
    "Models": ".card",
    "Train": "#r-about b",
}
MODEL = {"title": "SPADE: maps become pictures.", "data": "The data of a folder with `images/`."}
PRESETS = {name: {"size": [64, 64], "images": 100, "batch": 4} for name in ("tiny", "small", "paper")}
# What sticks out of the nearest box around it that has a border, a background or an edge that cuts.
STICKS_OUT = """() => [...document.querySelectorAll('button, input, select, label, img, canvas, span, p, a')]
  .filter((part) => part.checkVisibility() && !part.closest('.visually-hidden, .strip'))
  .flatMap((part) => {
    let box = part.parentElement;
    for (; box && box !== document.body; box = box.parentElement) {
      const { borderLeftWidth, backgroundColor, overflowX } = getComputedStyle(box);
      if (!box.offsetWidth) continue;  // it has no box (`display: contents`)
      if (parseFloat(borderLeftWidth) || backgroundColor !== 'rgba(0, 0, 0, 0)') break;
      if (overflowX !== 'visible') break;
    }
    if (!box || ['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return [];
    const [inner, outer] = [part, box].map((each) => each.getBoundingClientRect());
    const out = Math.round(Math.max(inner.right - outer.right, outer.left - inner.left));
    return inner.width && out > 1 ? [`${out} px: ${part.outerHTML.slice(0, 100)}`] : [];
  })"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page as its user at this machine has it, who may add models and train."""
    root = tmp_path_factory.mktemp("shelf")
    save_checkpoint(root / "painter")
    save_translator(root / "munit", "munit")
    save_animator(root / "fs_vid2vid", "fs_vid2vid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "models", lambda self: {"spade": MODEL | {"presets": PRESETS}})
        patch.setattr(Training, "runs", lambda self: [])
        _, url, _ = launch(build(Shelf(root, "cpu"), True, True), prevent_thread_lock=True, quiet=True)
        yield url


def grave(page) -> set[str]:
    """The serious and critical faults of a page, in words."""
    faults = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return {
        f"{fault['id']}: {node['html'][:160]}"
        for fault in faults
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    }


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious(chromium, address, width):
    page = visitor(chromium, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page.goto(address)
    page.add_style_tag(content="* { transition: none !important; }")  # to the other scheme's colours at once
    page.evaluate(Axe().axe_script)
    found = []
    for tab, shows in SHOWS.items():
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(shows).first).to_be_attached()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            faults = grave(page)
            if faults:  # of a tab that is still drawn: what stays is a fault
                page.wait_for_timeout(2000)
                faults &= grave(page)
            found += [f"{tab}, {scheme}: {fault}" for fault in sorted(faults)]
    page.context.close()
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_nothing_sticks_out(chromium, address):
    page = visitor(chromium, reduced_motion="reduce")
    page.goto(address)
    found = []
    for tab, shows in SHOWS.items():
        page.set_viewport_size({"width": 1440, "height": 800})
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(shows).first).to_be_attached()
        for width in (1440, 1280, 1024, 901, 768, 360):
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate(STICKS_OUT):
                page.wait_for_timeout(1000)  # until what is still drawn stands
                found += [f"{tab}, {width} px wide: {what}" for what in page.evaluate(STICKS_OUT)]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (tab, width)
    page.context.close()
    assert not found, "\n".join(found)
