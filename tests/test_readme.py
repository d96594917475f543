"""What the README says runs as it is printed."""

import re

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_snippets_run_one_after_the_other(tmp_path, monkeypatch):
    for name in ("app", "checkpoints"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)  # what they write stays here
    names = {}
    for snippet in SNIPPETS:
        exec(snippet, names)
    assert names["pictures"].shape[0] == 4 and names["frame"].shape == (64, 64, 3)
    assert (tmp_path / "street.png").exists() and names["picture"].ndim == 3


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_what_is_linked_is_there(path):
    assert (ROOT / path).exists()
