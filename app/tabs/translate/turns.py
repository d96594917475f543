"""What a translator takes and gives in each direction: names, examples, sizes."""

import cv2
import numpy as np

from app.drawings import is_drawing
from app.examples import is_example, pictures, sets
from app.requests import picture_uri, read_picture
from app.styles import parts_of
from cgan import DataError
from cgan.contents import grouped
from cgan.tasks import Translator

SIZES = (32, 1024)  # of the shorter side, in pixels
MAX_SIDE = 2048


def draws(translator: Translator, direction: str) -> bool:
    """Whether the model takes drawings in `direction`."""
    return ends(translator, direction)[0] == translator.edges


def ends(translator: Translator, direction: str) -> tuple[str, str]:
    """The names of the domains from which and to which `direction` goes."""
    unnamed = len(translator.directions) == 1 and "domains" not in translator.checkpoint.about
    first, second = ("before", "after") if unnamed else translator.domains
    return (first, second) if direction == "ab" else (second, first)


def directions(translator: Translator) -> list[dict]:
    """The choices of the switch: [{"value", "label"}]; none where the one way there is has no name."""
    if len(translator.directions) == 1 and "domains" not in translator.checkpoint.about:
        return []
    return [
        {"value": direction, "label": " → ".join(ends(translator, direction))}
        for direction in translator.directions
    ]


def known(translator: Translator, direction: str | None) -> str:
    """The direction, by default the model's first. Raises `DataError` unless the model has it."""
    if direction is not None and direction not in translator.directions:
        there = ", ".join(translator.directions)
        raise DataError(f"the direction is {direction!r}; {translator.checkpoint.name} has: {there}")
    return direction or translator.directions[0]


def inputs(translator: Translator, direction: str) -> list[dict]:
    """Example pictures to translate in `direction`, from the folder that fits best (see `app.examples`)."""
    name, model = translator.checkpoint.name, translator.checkpoint.model
    domain = ends(translator, direction)[0]
    drawn = ["drawings"] if draws(translator, direction) else []
    own = [] if len(translator.directions) > 1 else [name]
    found = pictures(f"{name}/{domain}", *own) or contents(translator)
    return found or pictures(domain, *drawn, *([] if drawn else [model]))


def contents(translator: Translator) -> list[dict]:
    """What the checkpoint brought along to be translated: [{"name", "picture": data URI}]."""
    groups = grouped(translator.contents)
    return [
        {"name": name, "picture": picture_uri(picture)} for group in groups for name, picture in group.items()
    ]


def letters(translator: Translator) -> bool:
    """Whether its contents are drawn, black on white: then its style pictures may be drawn too."""
    found = translator.contents.values()
    return bool(found) and sum(map(is_drawing, found)) > len(found) / 2


def style_sets(translator: Translator, direction: str = "") -> list[dict]:
    """Example style pictures for a model, each set of one class: of where its first direction goes to.

    Any that draws letters has typefaces.
    """
    if direction not in ("", translator.directions[0]):
        return []
    name, model = translator.checkpoint.name, translator.checkpoint.model
    return sets(f"{name}/styles", f"{model}/styles", *(["letters/styles"] if letters(translator) else []))


def own_styles(styles: list | dict | None) -> list[dict]:
    """The parts of a style, as a client sent them, but for pictures that are examples."""
    parts = [part for part in parts_of(styles) if isinstance(part, dict)]
    return [part for part in parts if not is_example(part.get("picture"))]


def kept_styles(translator: Translator, styles: list | dict | None, examples: list[dict]) -> list[dict]:
    """The styles to begin with, for a model that needs pictures: the user's own that fit, else an example.

    Letters fit a model of letters, and others no such model.
    """
    if translator.styles != "pictures":
        return []
    drawn = letters(translator)
    own = [style for style in own_styles(styles) if "picture" in style and is_letter(style) == drawn]
    if own or not examples:
        return own
    return [{"picture": picture, "weight": 1.0} for picture in examples[0]["pictures"]]


def is_letter(style: dict) -> bool:
    """Whether a part of a style, {"picture": data URI, …}, is drawn, black on white."""
    try:
        return is_drawing(read_picture(style["picture"], "the style"))
    except DataError:  # it is told where the picture is used
        return False


def scaled(picture: np.ndarray, size: int | None, trained: tuple[int, int]) -> np.ndarray:
    """A picture with a shorter side of `size` pixels, by default that of the training pictures.

    Drawings too: between lines farther apart, small models no longer tell the inside from the outside.

    Raises `DataError` for sizes that are none.
    """
    size = min(trained) if size is None else size
    low, high = SIZES
    if type(size) not in (int, float) or not low <= size <= high:
        raise DataError(f"the size is {size!r}; it must be from {low} to {high} pixels")
    height, width = picture.shape[:2]
    scale = min(size / min(height, width), MAX_SIDE / max(height, width))
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    if target == (width, height):
        return picture
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def browser_cannot(uri: str) -> bool:
    """Whether a picture that Python reads is in a format that browsers do not show."""
    kinds = ("png", "jpeg", "jpg", "webp", "gif", "bmp")
    return not uri.lower().startswith(tuple(f"data:image/{kind};" for kind in kinds))
