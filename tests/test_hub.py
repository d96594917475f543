"""The Hub, without a network: what is asked of it, and what its answers become."""

from pathlib import Path

import pytest
from samples import make, save

import cgan
from cgan import checkpoint
from cgan.errors import CheckpointError


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "street", make())


@pytest.fixture
def hub(monkeypatch, folder):
    """huggingface_hub without a network: calls are noted, `answer` is returned or raised."""
    import huggingface_hub

    class Hub:
        answer = str(folder)
        calls = []

    def call(*arguments, **options):
        Hub.calls.append((arguments, options))
        if isinstance(Hub.answer, Exception):
            raise Hub.answer
        return Hub.answer

    Hub.calls = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", call)
    for method in ("create_repo", "upload_folder"):
        monkeypatch.setattr(huggingface_hub.HfApi, method, lambda self, *a, **o: call(*a, **o))
    return Hub


def test_download_from_the_hub(hub, tmp_path):
    painter = cgan.load("someone/street", device="cpu", revision="v1", root=tmp_path / "none")
    assert painter.palette is not None
    files = ["config.json", "model.safetensors", "README.md", "preview.jpg", "samples.jpg"]
    files += ["styles.safetensors", "examples/*.png", *(f"labeller/{name}" for name in files)]
    assert hub.calls == [(("someone/street",), {"revision": "v1", "allow_patterns": files})]


def test_the_name_of_a_download():
    folder = Path("hub/models--someone--my--street/snapshots/0123abcd")
    assert checkpoint.Checkpoint(folder, "spade", {}, None, {}).name == "someone/my--street"


def hub_error(name):
    """An error of the Hub, made without the response that its constructor wants."""
    from huggingface_hub import errors

    kind = vars(errors)[name]
    error = kind.__new__(kind)
    error.args = ("what the Hub said",)
    return error


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GatedRepoError", "on request"),
        ("RepositoryNotFoundError", "no such model"),
        ("RevisionNotFoundError", "no revision 'v9'"),
        ("LocalEntryNotFoundError", "out of reach"),
        ("HFValidationError", "what the Hub said"),
    ],
)
def test_what_the_hub_may_say(hub, name, words):
    hub.answer = hub_error(name)
    with pytest.raises(CheckpointError, match=words) as caught:
        cgan.load("someone/street", revision="v9")
    assert str(caught.value).startswith("someone/street") and "\n" not in str(caught.value)


def test_push_uploads_the_files_of_a_sound_checkpoint(hub, folder):
    hub.answer = "https://huggingface.co/me/street"
    assert cgan.push(folder, "me/street", private=True) == hub.answer
    (_, created), (_, uploaded) = hub.calls
    assert created == {"private": True, "exist_ok": True}
    assert uploaded["folder_path"] == folder and uploaded["allow_patterns"] == list(checkpoint.FILES)
    hub.answer = OSError("401 Client Error")
    words = "me/street: the upload failed .401 Client Error.; run `hf auth login`"
    with pytest.raises(CheckpointError, match=words):
        cgan.push(folder, "me/street")


def test_push_sends_nothing_of_a_broken_one(hub, folder):
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="is empty"):
        cgan.push(folder, "me/street")
    assert not hub.calls
