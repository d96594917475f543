"""Checkpoints on the Hugging Face Hub. What the Hub answers becomes one line that says what to do."""

from pathlib import Path

from cgan.errors import CheckpointError
from cgan.weights import first_line


def download(repo_id: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """Fetch the `files` of a repository, or find them in the cache; returns their folder.

    Args: `repo_id` owner/name; `revision` a branch, tag or commit, None for the main branch.
    Raises `CheckpointError`.
    """
    import huggingface_hub  # here and below, so that nobody else waits for it
    from huggingface_hub import errors

    try:
        return Path(huggingface_hub.snapshot_download(repo_id, revision=revision, allow_patterns=list(files)))
    except errors.GatedRepoError as error:
        problem = "its owner grants access on request: ask on its page, then run `hf auth login`"
        raise CheckpointError(f"{repo_id}: {problem}") from error
    except errors.RepositoryNotFoundError as error:
        problem = "the Hub has no such model, or it is private: check the name, or run `hf auth login`"
        raise CheckpointError(f"{repo_id}: {problem}") from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{repo_id} has no revision {revision!r}; see its page for them") from error
    except errors.LocalEntryNotFoundError as error:
        problem = "it was never downloaded, and the Hub is out of reach; go online or give a folder"
        raise CheckpointError(f"{repo_id}: {problem}") from error
    except (OSError, ValueError, _http_error()) as error:
        raise CheckpointError(f"{repo_id} cannot be downloaded: {first_line(error)}") from error


def upload(folder: Path, repo_id: str, files: tuple[str, ...], private: bool, message: str) -> str:
    """Upload those `files` of `folder` that there are to a repository, made if need be; returns its address.

    Raises `CheckpointError`.
    """
    import huggingface_hub

    hub = huggingface_hub.HfApi()
    try:
        url = hub.create_repo(repo_id, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=repo_id, folder_path=folder, allow_patterns=list(files), commit_message=message
        )
    except (OSError, ValueError, _http_error()) as error:
        remedy = "run `hf auth login` with a token that may write there"
        raise CheckpointError(f"{repo_id}: the upload failed ({first_line(error)}); {remedy}") from error
    return str(url)


def _http_error() -> type[Exception]:
    """What the client that the Hub's library uses, requests or httpx, raises."""
    from huggingface_hub import errors

    return errors.HTTPError  # type: ignore[attr-defined]  # imported there, from either
