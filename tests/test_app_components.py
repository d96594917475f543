"""Components, their scripts, and the tabs made of them, without a browser."""

import importlib
import pkgutil

import pytest

from app import components, tabs
from app.components import Quiet, Widget
from app.components.size import Size
from app.scripts import bundle


def widgets() -> list[type[Widget]]:
    """Every component of our own."""
    found = []
    for part in pkgutil.iter_modules(components.__path__):
        module = importlib.import_module(f"{components.__name__}.{part.name}")
        kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
        found += [kind for kind in kinds if kind.__module__ == module.__name__ and issubclass(kind, Widget)]
    return found


def test_there_are_components():
    assert len(widgets()) >= 15


@pytest.mark.parametrize("widget", widgets(), ids=lambda widget: widget.__name__)
def test_templates_never_change(widget):
    """A template with a placeholder would be rendered anew at each update, and the canvas in it lost."""
    made = widget()
    assert not any(mark in made.html_template for mark in ("${", "{{", "`"))
    with pytest.raises(AttributeError):
        _ = made.palette_of_nothing


@pytest.mark.parametrize("widget", widgets(), ids=lambda widget: widget.__name__)
def test_scripts_are_whole(widget):
    script = widget().js_on_load
    assert "element" in script and "\nimport " not in script and "\nexport " not in script


def test_nothing_is_written_beside_a_component(tmp_path, monkeypatch):
    """Gradio writes stubs there, which a read-only installation refuses and a checkout shows as changes."""
    lines = ["from app.components import Widget", "", "class Mine(Widget):", "    'Mine.'"]
    (tmp_path / "mine.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    assert issubclass(importlib.import_module("mine").Mine, Widget)
    assert not list(tmp_path.glob("*.pyi"))
    kinds = [*widgets(), Size]
    assert all(type(kind) is Quiet for kind in kinds)


def test_a_module_is_bundled_once_and_before_those_that_use_it(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nimport * as c from "./c.js";\nc.f(b);\n')
    (tmp_path / "b.js").write_text('import { f } from "./c.js";\nexport const b = f(1);\n')
    (tmp_path / "c.js").write_text("export function f(x) { return x; }\n")
    script = bundle(tmp_path / "a.js")
    places = [script.index(f"const $module_{name} =") for name in "cba"]
    assert places == sorted(places) and script.count("function f(x)") == 1
    assert "const { b } = $module_b;" in script and "return { f };" in script


WRONG = {
    "import default from": 'import c from "./c.js";',
    "export default": "export default 1;",
    "a circle": 'import { a } from "./a.js";',
}


@pytest.mark.parametrize("why", WRONG)
def test_what_cannot_be_bundled_is_told(tmp_path, why):
    (tmp_path / "a.js").write_text(WRONG[why] + "\n")
    with pytest.raises(ValueError, match="imports itself|can be bundled"):
        bundle(tmp_path / "a.js")


def test_tabs_are_found_in_their_order():
    found = tabs.found()
    places = [tab.PLACE for tab in found.values()]
    assert list(found)[:2] == ["paint", "translate"] and places == sorted(set(places))
    assert all(tab.NAME and callable(tab.build) for tab in found.values())
