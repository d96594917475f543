"""What the Train tab does, apart from how it looks."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from shlex import join

import gradio as gr

from app import requests
from app.choosing import Update, opened
from app.shelf import Shelf
from app.training import OvertakenError, Plan, Training
from cgan import CganError, DataError, models

FIRST, PRESET = "spade", "small"
PRESETS = ("tiny", "small", "paper")
MIN_SIZE = 32  # pixels
READING, STARTING = "Reading the folder …", "Starting …"


class Runs:
    """The answers to the events of the tab, a method each."""

    def __init__(self, shelf: Shelf, training: Training):
        self.shelf, self.training = shelf, training

    def open(self, model: str | None, name: str | None, proposed: str = "") -> Iterator[tuple]:
        """Show the run that is under way, or the latest, and bring the form up to date.

        `proposed`: the name in the form, which gives way where a checkpoint has it by now.
        """
        runs = self.training.runs()
        shown = self.training.running() or (name if name in runs else next(iter(runs), None))
        run = gr.update(choices=runs, value=shown, visible=bool(runs))
        watch = gr.Timer(active=bool(self.training.running()))
        taken = proposed in runs and re.fullmatch(rf"{model}-[0-9]+", proposed)
        fresh = self._free(model) if taken else gr.skip()
        yield gr.skip(), run, self._report(shown), watch, answer(), fresh
        try:
            news = self.training.learn_models()
        except DataError as error:
            yield *[gr.skip()] * 4, answer(None, str(error), wrong=True), gr.skip()
            return
        there = [*self.training.models()]
        chosen = gr.update(choices=there, value=model if model in there else FIRST)
        yield chosen if news else gr.skip(), *[gr.skip()] * 5

    def choose(
        self,
        model: str | None,
        preset: str,
        size: int | None = None,
        images: int | None = None,
        name: str = "",
        proposed: Sequence[int | None] = (None, None),
    ) -> tuple[Update, Update, list[int], Update, str, Update]:
        """Tell what a model does and what its folder holds; propose size, images and a name.

        What was typed stays. Names of classes are asked for where it learns from label maps.
        """
        told = self._known(model)
        data = told["data"].removeprefix("The data of ")
        folder = re.sub("`([^`]*)`", r"<code>\1</code>", escape(data[:1].lower() + data[1:]))
        words = f"<b>{escape(told['title'])}</b><br>It learns from {folder}"
        typed = name and not re.fullmatch(rf"({'|'.join(self.training.models())})-[0-9]+", name)
        free = gr.skip() if typed else self._free(model)
        usual = self.usual(model, preset, size, images, proposed)
        return *usual, free, words, gr.update(visible=has_maps(model))

    def usual(
        self,
        model: str | None,
        preset: str,
        size: int | None = None,
        images: int | None = None,
        proposed: Sequence[int | None] = (None, None),
    ) -> tuple[Update, Update, list[int]]:
        """Propose the size and the number of images of a preset, where others than `proposed` were not typed.

        Gives what is proposed now, too.
        """
        known = self._known(model)["presets"][preset if preset in PRESETS else PRESET]
        usual = [known["size"][0], known["images"]]
        given = zip((size, images), proposed, usual, strict=True)
        shown = [
            gr.update(value=new) if typed in (None, before) else gr.skip() for typed, before, new in given
        ]
        return shown[0], shown[1], usual

    def _known(self, model: str | None) -> dict:
        """What is known of a model. Raises `DataError` for what is none."""
        known = self.training.models()
        if model not in known:
            raise DataError(f"no model {model!r}; there are: {', '.join(known)}")
        return known[model]

    def tell(
        self,
        model: str,
        preset: str,
        name: str,
        data: str = "",
        size: int | None = None,
        images: int | None = None,
        licence: str = "",
        more: str = "",
        names: str = "",
    ) -> str:
        """The command line of a plan, as HTML."""
        form = (model, preset, name, data, size, images, licence, more, names)
        try:
            plan = self._plan(*form)
            words = ["python", "-m", "train", *self.training.command(plan)]
        except CganError as error:
            return f"<p>{escape(str(error))}</p>"
        return f"<code>{escape(join(words))}</code>"

    def check(
        self,
        model: str,
        preset: str,
        name: str,
        data: str = "",
        size: int | None = None,
        images: int | None = None,
        licence: str = "",
        more: str = "",
        names: str = "",
    ) -> Iterator[dict]:
        """Read the folder as the run would, and list what is wrong: {"asked": the form, "words", "wrong"}.

        `data`: the folder, empty for the built-in world; `name`: that of the checkpoint which a run would
        make; `size` and `images` in pixels and pictures to see, None for what is usual; `more`: further flags
        of the command line; `names` of the classes, as "sky, road", where the folder has but numbers.
        """
        form = (model, preset, name, data, size, images, licence, more, names)
        yield answer(form, READING)
        try:
            yield answer(form, self.training.check(self._plan(*form), latest=True))
        except OvertakenError:
            yield gr.skip()
        except DataError as error:
            yield answer(form, str(error), wrong=True)

    def start(
        self,
        model: str,
        preset: str,
        name: str,
        data: str = "",
        size: int | None = None,
        images: int | None = None,
        licence: str = "",
        more: str = "",
        names: str = "",
    ) -> Iterator[tuple[dict, Update, dict, Update]]:
        """Check the folder, then start the run. The arguments are those of /check_data."""
        form = (model, preset, name, data, size, images, licence, more, names)
        plan = self._plan(*form)
        self.training.folder(plan.name)
        try:
            self.training.check_name(plan.name)  # reading the folder may take long
            yield answer(form, STARTING), gr.skip(), gr.skip(), gr.skip()
            said = self.training.check(plan)
            self.training.start(plan)
        except DataError as error:
            yield answer(form, str(error), wrong=True), gr.skip(), gr.skip(), gr.skip()
            return
        yield answer(form, said), *self._shown(plan.name)

    def resume(self, name: str | None) -> tuple[Update, dict, Update]:
        """Go on with the run that is shown."""
        self.training.resume(name or "")
        return self._shown(name)

    def use(self, name: str | None) -> tuple:
        """Choose the run's checkpoint in the tab that it is for, and go there."""
        return opened(self.shelf, name or "")

    def stop(self) -> Update:
        """Stop the run that is under way: it saves first. The timer sees it end."""
        self.training.stop()
        return gr.Timer(active=True)

    def show(self, name: str | None) -> tuple[dict, Update]:
        """Show a run; while it is under way, look again every other second."""
        return self._report(name), gr.Timer(active=bool(name) and name == self.training.running())

    def sheet(self, event: gr.EventData) -> Update:
        """Show the samples of a run after so many images."""
        picture = requests.file_uri(self.training.sheet(event.name, event.images), "jpeg")
        return gr.update(sheet={"images": event.images, "picture": picture})

    def _plan(self, model, preset, name, data, size, images, licence, more, names) -> Plan:
        for what, value, least in (("size", size, MIN_SIZE), ("number of images", images, 1)):
            known = value is None or (type(value) in (int, float) and value % 1 == 0 and value >= least)
            if not known:
                raise DataError(f"the {what} is {value!r}; it must be a whole number from {least}")
        if model not in self.training.models() or preset not in PRESETS:
            raise DataError(f"no model {model!r} in the preset {preset!r}")
        texts = [str(text or "").strip() for text in (name, data, licence, more, names)]
        name, data, licence, more, names = texts
        numbers = [None if value is None else int(value) for value in (size, images)]
        plan = Plan(model, preset, name, data, *numbers, licence, more, names if has_maps(model) else "")
        plan.words()  # tells what is wrong with the further flags
        return plan

    def _free(self, model: str) -> Update:
        """A name that no checkpoint has yet."""
        number = 1
        while (self.training.root / f"{model}-{number}").exists():
            number += 1
        return gr.update(value=f"{model}-{number}")

    def _shown(self, name: str) -> tuple[Update, dict, Update]:
        run = gr.update(choices=self.training.runs(), value=name, visible=True)
        return run, self._report(name), gr.Timer(active=True)

    def _report(self, name: str | None) -> dict:
        return self.training.report(name) if name else {}


def has_maps(model: str) -> bool:
    """Whether a model learns from label maps, whose classes have names."""
    return models.module(model).Model.task != "translate"


def answer(form: Sequence | None = None, words: str = "", wrong: bool = False) -> dict:
    """What is told of a form, or of none: lines as the command prints them."""
    return {"asked": form and [*form], "words": words, "wrong": wrong}
