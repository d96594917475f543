"""Files are whole or not there, and what fails leaves nothing behind."""

import os

import pytest

from cgan.files import replaced


@pytest.mark.parametrize("options", [{}, {"shared": True}, {"durable": True}], ids=str)
def test_a_file_is_replaced_as_a_whole(tmp_path, options):
    path = tmp_path / "new" / "file.txt"
    with replaced(path, **options) as beside:
        beside.write_text("old")
    with replaced(path, **options) as beside:
        beside.write_text("new")
        assert path.read_text() == "old" and (str(os.getpid()) in beside.name) == ("shared" in options)
    assert path.read_text() == "new" and os.listdir(path.parent) == ["file.txt"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    for write in (lambda beside: beside.write_text("half"), lambda beside: None):
        with pytest.raises(OSError, match="full"), replaced(path) as beside:
            write(beside)
            raise OSError("full")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file.txt"]


def test_ctrl_c_leaves_nothing_half_written(tmp_path):
    with pytest.raises(KeyboardInterrupt), replaced(tmp_path / "file.txt") as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert not os.listdir(tmp_path)
