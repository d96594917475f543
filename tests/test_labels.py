"""Label maps: what is read exactly, what is mended, and what is refused with which words."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from cgan.errors import DataError, MediaError
from cgan.labels import Label, Palette, instance_edges, onehot

COLOURS = ["#808080", "#800000", "#c0c080", "#804080", "#000000"]
NAMES = ["sky", "building", "pole", "road", "unlabelled"]


@pytest.fixture
def palette():
    return Palette(
        tuple(Label(i, name, colour) for i, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True)))
    )


@pytest.fixture
def labels():
    """Sky above, road below, a building and a thin pole."""
    labels = np.zeros((60, 80), np.uint8)
    labels[35:] = 3
    labels[10:40, 5:30] = 1
    labels[5:45, 50:52] = 2
    return labels


def png(picture, **options):
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def renumbered(labels, numbers, colours):
    """A PNG of mode P in which class i has numbers[i], with that table of colours."""
    picture = Image.fromarray(np.array(numbers, np.uint8)[labels])
    picture.putpalette(np.array(colours, np.uint8).tobytes())
    return png(picture)


def test_ids_written_are_ids_read(palette, labels, tmp_path):
    palette.write_ids(tmp_path / "map.png", labels)
    assert np.array_equal(palette.ids(tmp_path / "map.png"), labels)
    shown = np.array(Image.open(tmp_path / "map.png").convert("RGB"))
    assert np.array_equal(shown, palette.colours(labels))


def test_write_ids_checks(palette, labels):
    with pytest.raises(ValueError, match="uint8"):
        palette.write_ids(io.BytesIO(), labels.astype(np.int64))
    with pytest.raises(DataError, match="id without a class: 9"):
        palette.write_ids(io.BytesIO(), labels + (labels == 3) * np.uint8(6))


@pytest.mark.parametrize("mode", ["L", "I", "I;16", "1"])
def test_every_mode_of_ids(palette, labels, mode):
    if mode == "1":
        labels = (labels > 0).astype(np.uint8)
        picture = Image.fromarray(labels * 255).convert("1")
    else:
        kind = {"L": np.uint8, "I": np.int32, "I;16": np.uint16}[mode]
        picture = Image.fromarray(labels.astype(kind))
    assert picture.mode == mode
    ids = palette.ids(picture)
    assert ids.dtype == np.uint8 and np.array_equal(ids, labels)


def test_unknown_ids_are_named_with_pixels_and_classes(palette, labels, tmp_path):
    labels[0, :7] = 77
    labels[1, :3] = 255
    Image.fromarray(labels).save(tmp_path / "street.png")
    with pytest.raises(DataError) as caught:
        palette.ids(tmp_path / "street.png")
    message = str(caught.value)
    assert message.startswith("street.png has ids without a class: 77 (7 pixels), 255 (3 pixels); allowed:")
    assert "3 road #804080" in message and "\n" not in message


def test_ids_beyond_eight_bits_do_not_wrap(palette, labels):
    wide = labels.astype(np.uint16)
    wide[0, 0] = 256
    with pytest.raises(DataError, match="256"):
        palette.ids(Image.fromarray(wide))
    with pytest.raises(DataError, match="-1"):
        palette.ids(Image.fromarray(np.full((4, 4), -1, np.int32)))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_exact_colours(palette, labels, mode):
    picture = Image.fromarray(palette.colours(labels)).convert(mode)
    assert np.array_equal(palette.ids(png(picture)), labels)


def test_blended_edges_take_a_neighbour_and_invent_no_class(palette, labels):
    large = np.kron(labels, np.ones((8, 8), np.uint8))
    picture = Image.fromarray(palette.colours(large))
    smooth = picture.resize((300, 225), Image.Resampling.LANCZOS)
    ids = palette.ids(smooth)
    truth = np.array(Image.fromarray(large).resize((300, 225), Image.Resampling.NEAREST))
    assert set(np.unique(ids)) <= set(np.unique(truth))
    assert (ids != truth).mean() < 0.01
    # Blends of sky and building can come close to the road's colour: beside it none may turn into road.
    assert not (ids[:110] == 3).any()


def test_a_pixel_off_the_palette_takes_the_nearest_pixel_not_the_nearest_colour(palette):
    colours = palette.colours(np.ones((9, 9), np.uint8))
    colours[4, 4] = (127, 127, 127)  # all but the sky's
    assert (palette.ids(Image.fromarray(colours)) == 1).all()


def test_a_foreign_colour_is_a_class_not_an_edge(palette, labels):
    colours = palette.colours(labels)
    colours[:5, :20] = (255, 0, 255)
    with pytest.raises(DataError) as caught:
        palette.ids(Image.fromarray(colours), "mine.png")
    text = str(caught.value)
    assert "mine.png has colour without a class: #ff00ff (100 pixels); allowed: 0 sky #808080" in text


@pytest.mark.parametrize(("colours", "told"), [(16, "and 8 more; allowed"), (17, "it is a photograph or")])
def test_a_picture_of_many_areas_is_no_map_of_other_classes(palette, colours, told):
    """Flat areas of so many strange colours: a drawing, whose colours nobody wants to read."""
    strange = np.stack([np.full((8, 64), 10 * number + 7) for number in range(colours)]).reshape(-1, 64)
    picture = np.dstack([strange, strange * 0 + 1, strange]).astype(np.uint8)
    with pytest.raises(DataError, match=told):
        palette.ids(Image.fromarray(picture))


def test_transparent_parts_are_a_foreign_colour(palette, labels):
    colours = np.dstack([palette.colours(labels), np.full(labels.shape, 255, np.uint8)])
    colours[:10, :10, 3] = 0
    with pytest.raises(DataError, match=r"transparent \(100 pixels\)"):
        palette.ids(Image.fromarray(colours))


def test_a_photograph_is_no_colour_map(palette):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    with pytest.raises(DataError, match="photograph"):
        palette.ids(Image.fromarray(noise))


@pytest.mark.parametrize("quality", [95, 75, 50])
def test_what_jpeg_did_to_the_colours_is_mended(palette, labels, quality):
    large = np.kron(labels, np.ones((4, 4), np.uint8))
    file = io.BytesIO()
    Image.fromarray(palette.colours(large)).save(file, "JPEG", quality=quality)
    mended = palette.snapped(file.getvalue())
    assert set(np.unique(mended)) == set(np.unique(large)), "a blend at an edge became no class of its own"
    assert (mended != large).mean() < 0.01


def test_snapping_refuses_photographs(palette):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    with pytest.raises(DataError, match="nearly a colour of the palette"):
        palette.snapped(Image.fromarray(noise))
    speck = Image.fromarray(palette.colours(np.array([[1, 0]], np.uint8)))
    assert palette.snapped(speck).tolist() == [[1, 0]], "too small to have an inside"


def test_a_renumbered_colour_map_is_read_by_colour(palette, labels):
    """An editor sorts the colours: the numbers are all valid ids, and all wrong."""
    order = [3, 2, 1, 0]  # sky has the number 3 now, …
    rgb = palette.rgb[[3, 2, 1, 0]]
    assert np.array_equal(palette.ids(renumbered(labels, order, rgb)), labels)


def test_numbers_that_are_no_ids_but_colours_that_are_ours(palette, labels):
    table = np.random.default_rng(0).integers(1, 50, (256, 3))
    table[[200, 201, 202, 203]] = palette.rgb[:4]
    assert np.array_equal(palette.ids(renumbered(labels, [200, 201, 202, 203], table)), labels)


@pytest.mark.parametrize("origin", ["greys", "one of ours by chance", "ours"])
def test_palette_pngs_of_ids_stay_ids(palette, labels, origin):
    """Other tables of colours say nothing, even where a colour happens to be one of ours."""
    greys = np.repeat(np.arange(256)[:, None], 3, 1)
    table = {"greys": greys, "one of ours by chance": greys, "ours": palette.rgb}[origin]
    if origin == "one of ours by chance":  # all is sky, id 0, shown black: the colour of `unlabelled`
        labels = np.zeros_like(labels)
    assert np.array_equal(palette.ids(renumbered(labels, [0, 1, 2, 3], table)), labels)


def test_unknown_ids_in_a_palette_png(palette, labels):
    greys = np.repeat(np.arange(256)[:, None], 3, 1)
    with pytest.raises(DataError, match="id without a class: 90 "):
        palette.ids(renumbered(labels, [0, 1, 2, 90], greys))


def test_other_modes_and_other_files_are_refused(palette, labels, tmp_path):
    with pytest.raises(DataError, match="mode CMYK"):
        palette.ids(Image.new("CMYK", (4, 4)))
    (tmp_path / "page.png").write_text("<html>sign in</html>")
    with pytest.raises(MediaError, match="page.png is a web page"):
        palette.ids(tmp_path / "page.png")


def test_palette_json_round_trip(palette, tmp_path):
    palette.write(tmp_path / "palette.json")
    assert Palette.read(tmp_path / "palette.json") == palette
    assert Palette.from_list(palette.to_list()) == palette
    assert len(palette) == 5 and palette.names == NAMES
    assert palette.rgb.dtype == np.uint8 and palette.rgb[1].tolist() == [128, 0, 0]


def entry(number=0, **changes):
    return {"id": number, "name": f"class {number}", "colour": f"#00000{number}"} | changes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "is not JSON"),
        ("[" * 100_000, "is not JSON (it is nested too deeply)"),
        ('{"labels": []}', "a palette is a list of"),
        ("[]", "1 to 256 classes, not 0"),
        (json.dumps([{"id": 0, "name": "sky"}]), "exactly the fields id, name and colour"),
        (json.dumps([entry(id="0")]), "id must be int, not '0'"),
        (json.dumps([entry(id=True)]), "id must be int, not True"),
        (json.dumps([entry(1)]), "entry 0 has the id 1"),
        (json.dumps([entry(colour="red")]), "'red'; write it as #rrggbb"),
        (json.dumps([entry(name=" ")]), "class 0 has no name"),
        (json.dumps([entry(), entry(1, colour="#000000")]), "0 and 1 have the same colour"),
        (json.dumps([entry(colour="#AAAAAA"), entry(1, colour="#aaaaaa")]), "the same colour"),
        (json.dumps([entry(), entry(1, name="class 0")]), "0 and 1 have the same name"),
    ],
)
def test_bad_palettes_name_the_file_and_the_fault(content, words, tmp_path):
    path = tmp_path / "palette.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        Palette.read(path)
    assert str(path) in str(caught.value) and words in str(caught.value)


def test_missing_palette(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        Palette.read(tmp_path / "palette.json")


def test_onehot():
    labels = torch.tensor([[[[0, 2], [1, 2]]]])
    coded = onehot(labels, 4)
    assert coded.shape == (1, 4, 2, 2) and coded.dtype == torch.float32
    assert torch.equal(coded.argmax(1, keepdim=True), labels) and (coded.sum(1) == 1).all()


def test_instance_edges():
    instances = torch.zeros(1, 1, 4, 5, dtype=torch.int64)
    instances[..., 2:] = 70_000
    edges = instance_edges(instances)
    assert edges.dtype == torch.float32
    assert edges[0, 0].tolist() == [[0, 1, 1, 0, 0]] * 4
    assert torch.equal(instance_edges(instances.mT), edges.mT)
