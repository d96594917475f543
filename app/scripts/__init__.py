"""JavaScript: what several components use, and how the modules of a component become the one script it runs.

The files are ordinary modules, so that editors and checkers understand them, but Gradio runs the body of one
function for each component. `bundle` makes that body: every module becomes a function of its own that returns
what it exports. Two forms of import are known, each on one line, of a relative path:
`import { a, b } from "./c.js";` and `import * as c from "./c.js";`, and `import "./c.js";` for its effect.
"""

import re
from functools import cache
from pathlib import Path

_IMPORT = re.compile(r'^import (?:(\{ [\w$, ]+ \}|\* as \w+) from )?"(\.{1,2}/[\w./-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const) ([\w$]+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


@cache
def bundle(entry: Path) -> str:
    """The module at `entry` and all that it imports, as the body of one function.

    Raises `ValueError` for an import or export of any other form, and for modules that import each other.
    """
    modules: dict[Path, str] = {}
    _add(entry.resolve(), modules, ())
    return "\n".join(modules.values())


def _add(path: Path, modules: dict[Path, str], importing: tuple[Path, ...]) -> str:
    """Add the module at `path` to `modules`, behind those it imports; give the name of what it exports."""
    if path in importing:
        raise ValueError(f"{path.name} imports itself, through {', '.join(each.name for each in importing)}")
    name = f"$module_{path.stem}"
    if path in modules:
        return name

    def imported(found: re.Match) -> str:
        wanted, source = found.groups()
        given = _add((path.parent / source).resolve(), modules, (*importing, path))
        return f"const {wanted.removeprefix('* as ')} = {given};" if wanted else ""

    text = _IMPORT.sub(imported, path.read_text(encoding="utf-8"))
    exported = ", ".join(_EXPORT.findall(text))
    text = _EXPORT.sub("", text)
    if strange := _OTHER.search(text):
        raise ValueError(f"{path.name}: {strange[0]!r} is no import or export that can be bundled")
    if any(each.stem == path.stem for each in modules):
        raise ValueError(f"two modules of {importing[0].name} are called {path.name}")
    modules[path] = f"const {name} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();"
    return name
