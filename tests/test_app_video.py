"""The Video tab without a browser, and that animators disturb no other tab."""

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from video_fixtures import address, animators

import cgan
from app.shelf import Shelf


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def test_animators_are_on_the_shelf_for_their_task_alone():
    shelf = Shelf(animators(), "cpu")
    names = {task: [each.name for each in shelf.find(task).checkpoints] for task in cgan.tasks.TASKS}
    assert names == {
        "animate": ["fs_vid2vid", "vid2vid", "wc_vid2vid"],
        "paint": ["painter"],
        "translate": [],
    }
    assert shelf.animator("fs_vid2vid").references == (1, 8)
    with pytest.raises(cgan.CheckpointError, match="no animator"):
        shelf.animator("painter")
    with pytest.raises(cgan.CheckpointError, match="no painter"):
        shelf.painter("vid2vid")


def test_animators_do_not_break_the_other_tabs(client):
    model, notice = client.predict(None, api_name="/checkpoints")
    assert [choice[0] for choice in model["choices"]] == ["painter"] and not notice["visible"]
    model, notice = client.predict(None, api_name="/translators")
    assert model["choices"] == [] and "cannot be used" not in notice["value"]
    with pytest.raises(AppError, match="no painter"):
        client.predict("fs_vid2vid", "data:,", 0, None, api_name="/paint")
