"""What a module's source says, read without importing it: to import torch takes seconds, to read a file none.

With this the command line lists models, begins a help text and refuses a mistyped flag at once.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path


@functools.cache
def parsed(module: str) -> ast.Module:
    """The source of a module, by its full name; only the packages around it are imported."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise ValueError(f"there is no module {module}")
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def docstring(module: str) -> str:
    """What the module says of itself."""
    return ast.get_docstring(parsed(module)) or ""


def fields(module: str, kind: str) -> set[str]:
    """The fields of the dataclass `kind` that is defined in a module, or imported into it from another.

    Those of its bases are among them. Raises LookupError where there is no such class.
    """
    body = parsed(module).body
    origins = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == kind:
            found = set().union(*map(_field, node.body))
            for base in node.bases:
                if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
                    found |= fields(".".join(origins[base.value.id]), base.attr)
                elif isinstance(base, ast.Name):
                    found |= fields(module, base.id)
            return found
    home, name = origins[kind]
    return fields(home, name)


def _field(node: ast.stmt) -> set[str]:
    """The name of the field that a statement declares, `name: type`; none for a ClassVar or another one."""
    if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
        return set()
    return set() if "ClassVar" in ast.unparse(node.annotation) else {node.target.id}
