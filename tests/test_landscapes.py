"""The built-in data: the pool of landscapes grows by the number of images alone, and survives a stop."""

from types import SimpleNamespace

import pytest
import torch

from train.data import growing as landscapes
from train.data.growing import EVERY, Landscapes


@pytest.fixture
def rendered(monkeypatch) -> list[int]:
    """Replaces the renderer; gives the seeds of the worlds that were asked for."""
    asked = []

    def view_frame(view, size, device):
        asked.append(view.seed * 8 + view.camera)
        if view.camera == 3:
            return None  # a dull view
        grey = torch.full((2, 3, *size), view.camera / 8 - 0.5)
        labels = torch.full((2, 1, *size), view.camera)
        return SimpleNamespace(image=grey, labels=labels, instances=labels + 10)

    monkeypatch.setattr(landscapes, "view_frame", view_frame)
    return asked


def test_the_pool_grows_with_the_images_seen(rendered):
    pool = Landscapes((32, 64), count=6)
    assert len(pool) == 6 and rendered == [0, 1, 2]
    assert pool.frames.images.shape[-2:] == (36, 72) and pool.frames.size == (32, 64)
    pool.advance(EVERY - 1)
    assert len(pool) == 6
    pool.advance(EVERY)
    pool.advance(EVERY)
    assert len(pool) == 8 and rendered == [0, 1, 2, 3, 4], "dull views are passed over"
    batch = pool.batch([7, 0], 0, (32, 64))
    assert batch.labels[:, 0, 0, 0].tolist() == [4, 0]


def test_the_oldest_make_room(rendered, monkeypatch):
    monkeypatch.setattr(Landscapes, "capacity", 8)
    pool = Landscapes((32, 32), count=6)
    pool.advance(3 * EVERY)
    assert len(pool) == 8 and pool.frames.labels[:, 0, 0, 0].tolist() == [2, 2, 4, 4, 5, 5, 6, 6]


def test_a_stopped_run_goes_on_with_the_same_pictures(rendered):
    whole, before = Landscapes((32, 32), count=4), Landscapes((32, 32), count=4)
    whole.advance(5 * EVERY)
    before.advance(2 * EVERY)
    after = Landscapes((32, 32), count=4)
    after.load(before.state())
    after.advance(5 * EVERY)
    assert torch.equal(after.frames.images, whole.frames.images)


def test_validation_is_another_country(rendered):
    pool = Landscapes((32, 32), count=4)
    own, aside = pool.split(0.05)
    assert own is pool and len(aside) == landscapes.ASIDE and min(rendered[2:]) >= landscapes.FAR_AWAY


def test_things_are_numbered_where_that_is_asked_for(rendered):
    assert Landscapes((32, 32), count=4).frames.instances is None
    pool = Landscapes((32, 32), count=4, instances=True)
    pool.advance(EVERY)
    assert pool.frames.instances.dtype == torch.int32
    assert pool.batch([5], 0, (32, 32)).instances.unique().tolist() == [12]
    again = Landscapes((32, 32), count=4, instances=True)
    again.load(pool.state())
    assert torch.equal(again.frames.instances, pool.frames.instances)
    assert pool.split(0.05)[1].instances is not None


def test_a_pool_tells_what_it_will_fill(rendered):
    pool = Landscapes((32, 32), count=4)
    assert pool.bytes == landscapes.CAPACITY * 36 * 36 * 4
