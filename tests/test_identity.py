"""A run goes on with its own data and its own state: what differs is told, what cannot be is refused."""

import json
import shutil

import pytest
import torch
from runs import LIGHT as FLAGS
from runs import run
from safetensors import safe_open
from safetensors.torch import save_file

from cgan.errors import CheckpointError
from train.data.identity import Identity, marks_of
from train.engine import state


@pytest.fixture(scope="module")
def begun(painted_folder, tmp_path_factory):
    """A folder of data, and a run on it of one step."""
    root = tmp_path_factory.mktemp("identity")
    shutil.copytree(painted_folder, root / "data")
    words = ("spade", *FLAGS, "--calibrate", "1", "--validation", "none", "--images", "4")
    return root, (*words, "--data", root / "data", "--out", root / "run")


@pytest.fixture
def again(begun, tmp_path, capfd):
    """A copy of both to spoil, and the words that go on with the copy."""
    root, words = begun
    if not (root / "run").exists():
        code, said = run(capfd, *words)
        assert code == 0, said
    shutil.copytree(root, tmp_path / "copy")
    return tmp_path / "copy", [str(it).replace(str(root), str(tmp_path / "copy")) for it in words]


def test_the_same_data_say_nothing(again, capfd):
    _, words = again
    code, said = run(capfd, *words)
    assert code == 0 and "going on after 4 images" in said and "the data are not" not in said, said


def test_pairs_that_came_and_went_are_told(again, capfd):
    folder, words = again
    for part in ("images", "labels"):
        (folder / "data" / part / "3.png").unlink()
        shutil.copy(folder / "data" / part / "5.png", folder / "data" / part / "new.png")
    code, said = run(capfd, *words)
    assert code == 0 and "1 pictures or maps are new or changed, 1 are gone" in said, said


def test_other_classes_of_the_same_count_are_refused(again, capfd):
    folder, words = again
    path = folder / "data" / "palette.json"
    palette = json.loads(path.read_text())
    palette[0]["name"] = "cat"
    path.write_text(json.dumps(palette))
    before = (folder / "run" / "training" / state.NAME).read_bytes()
    code, said = run(capfd, *words)
    assert code == 2 and "these data have cat" in said and "--start-from" in said and "--fresh" in said, said
    assert (folder / "run" / "training" / state.NAME).read_bytes() == before


def test_flags_that_change_shapes_are_refused(again, capfd):
    _, words = again
    code, said = run(capfd, *words, "--filters", "3")
    assert code == 2 and "--filters 2 there, 3 now" in said, said


def rewritten(path, change) -> None:
    """The state file after `change(tensors, header)`."""
    with safe_open(path, "pt") as file:
        header = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors, header)
    save_file(tensors, path, header)


def test_a_flipped_bit_is_noticed(again, capfd):
    folder, words = again
    path = folder / "run" / "training" / state.NAME
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    code, said = run(capfd, *words)
    assert code == 2 and "is damaged: it is not as it was written" in said, said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors, header: (tensors.pop("average.flat"), header.pop("sums")), "is not this run's"),
        (lambda tensors, header: (tensors.clear(), header.pop("sums")), "is not this run's"),
        (lambda tensors, header: header.update(facts="[]"), "does not say how far"),
        (lambda tensors, header: header.update(facts='{"images": -4}'), "does not say how far"),
        (lambda tensors, header: header.update(facts="{"), "tells nothing of its run"),
        (lambda tensors, header: header.pop("facts"), "tells nothing of its run"),
        (lambda tensors, header: header.update(sums="{}"), "is damaged"),
    ],
    ids=["one lacks", "none", "a list", "negative", "torn", "no facts", "no sums"],
)
def test_absurd_states_are_one_line(again, capfd, change, told):
    folder, words = again
    rewritten(folder / "run" / "training" / state.NAME, change)
    code, said = run(capfd, *words)
    assert code == 2 and told in said.splitlines()[-1] and "Traceback" not in said, said


def test_a_state_from_before_is_believed(again, capfd):
    folder, words = again

    def older(tensors, header):
        facts = json.loads(header["facts"])
        del facts["meaning"]
        header["facts"] = json.dumps(facts)
        for name in [name for name in tensors if name.startswith("marks.")]:
            del tensors[name]
        del header["sums"]

    rewritten(folder / "run" / "training" / state.NAME, older)
    code, said = run(capfd, *words)
    assert code == 0 and "going on after 4 images" in said, said


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("domains", ["summer", "winter"], ["day", "night"]),
        ("classes", ["cat"], ["dog"]),
        ("edges", None, "b"),
    ],
)
def test_another_meaning_is_refused(name, theirs, ours):
    with pytest.raises(ValueError, match=f"the run learns the {name} .*, these data have "):
        Identity({name: ours}, {}).compare({name: theirs}, {}, print)


def test_marks_find_changed_rows():
    pictures = torch.arange(24, dtype=torch.uint8).reshape(4, 1, 2, 3)
    marks = marks_of({"images": pictures, "numbers": torch.ones(4)})
    assert list(marks) == ["images"] and len(set(marks["images"].tolist())) == 4
    changed = pictures.clone()
    changed[2, 0, 0, 0] ^= 1
    told: list[str] = []
    Identity({}, marks_of({"images": changed})).compare({}, marks, told.append)
    assert told and "1 pictures or maps are new or changed, 1 are gone" in told[0]


def test_a_state_that_is_none(tmp_path):
    (tmp_path / state.NAME).write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="cannot be read"):
        state.read(tmp_path)
