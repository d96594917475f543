"""How the Translate tab looks, and to which handler each of its components talks."""

from dataclasses import dataclass

import gradio as gr

from app import choosing
from app.components.blend import Blend
from app.components.choice import Choice
from app.components.compare import Compare
from app.components.count import Count
from app.components.letter import Letter
from app.components.pen import Pen
from app.components.pictures import Pictures
from app.components.seed import Seed
from app.components.sheet import Sheet
from app.components.size import Size
from app.components.source import Source
from app.components.styles import Styles
from app.events import at_once, on
from app.tabs import Page
from app.tabs.translate.handlers import Translating
from app.tabs.translate.turns import SIZES

VARIATIONS = 4  # to begin with


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events."""

    chooser: choosing.Chooser
    direction: Choice
    source: Source
    pen: Pen
    examples: Pictures
    seed: Seed
    count: Count
    button: gr.Button
    styles: Styles
    size: Size
    letter: Letter
    take: gr.Button
    alphabet: gr.Button
    sheet: Sheet
    shown: Compare
    strip: Blend

    @property
    def faces(self) -> list[gr.components.Component]:
        """What depends on the direction."""
        return [self.source, self.pen, self.examples, self.strip]

    @property
    def asked(self) -> list[gr.components.Component]:
        """What says which picture is to be translated, how, and from which seed on."""
        return [self.chooser.model, self.direction, self.source, self.pen, self.seed]


def lay_out() -> Parts:
    """Place the components: input and style left; seed, before and after and the strip right."""
    direction = Choice(elem_id="t-direction", render=False)
    chooser = choosing.lay_out("t-", direction, "munit-edges2clothing")
    with gr.Row(elem_id="t-panes", elem_classes=["panes"]):
        with gr.Column(elem_id="t-from"):
            source = Source(elem_id="t-source")
            pen = Pen(elem_id="t-pen", visible="hidden")
            examples = Pictures(elem_id="t-examples")
            styles = Styles(elem_id="t-styles", visible="hidden")
            with gr.Accordion("Advanced options", open=False, elem_id="t-advanced"):
                size = Size(*SIZES, 256, step=1, label="Size of the shorter side, in pixels",
                            info="A model is at its best at the size of its training pictures.",
                            elem_id="t-size")  # fmt: skip
        with gr.Column(elem_id="t-to"):
            with gr.Row(elem_id="t-style-row"):
                seed = Seed(elem_id="t-seed", visible="hidden")
                count = Count(VARIATIONS, elem_id="t-count", visible="hidden")
                button = gr.Button(
                    "Translate", variant="primary", elem_id="t-go", elem_classes=["go"], min_width=80
                )
            shown = Compare(elem_id="t-compare")
            alphabet = gr.Button(
                "Alphabet", elem_id="t-alphabet", elem_classes=["plain-button"], visible="hidden"
            )
            sheet = Sheet(elem_id="t-sheet", visible="hidden")
            strip = Blend(elem_id="t-blend", visible="hidden")
            letter = Letter(elem_id="t-letter", visible="hidden")
            take = gr.Button(
                "Use the letter as a style", elem_id="t-take", elem_classes=["plain-button"], visible="hidden"
            )
    return Parts(chooser, direction, source, pen, examples, seed, count, button, styles, size,
                 letter, take, alphabet, sheet, shown, strip)  # fmt: skip


def wire(parts: Parts, translating: Translating, page: Page) -> None:
    """Connect the components to the handlers."""
    wire_inputs(parts, translating, page)
    wire_results(parts, translating, page)
    wire_strip(parts, translating)
    wire_letters(parts, translating)


def wire_inputs(parts: Parts, translating: Translating, page: Page) -> None:
    """What is to be translated, and by what."""
    chooser, direction, styles = parts.chooser, parts.direction, parts.styles
    quiet = {"show_progress": "hidden"}
    on(
        [page.opened["translate"].select, chooser.refresh.click],
        translating.translators,
        [chooser.model],
        [chooser.model, chooser.notice],
        api_name="translators",
        **quiet,
    )
    at_once(
        [chooser.model.change],
        choosing.CALL_UP,
        [chooser.model],
        [page.status],
        api_name="call_up_translator",
    )
    on(
        [chooser.model.change],
        translating.choose,
        [chooser.model, styles],
        [
            direction,
            *parts.faces,
            parts.seed,
            parts.count,
            styles,
            parts.size,
            parts.letter,
            parts.take,
            parts.alphabet,
            parts.sheet,
            chooser.origin,
        ],
        api_name="choose_translator",
        **quiet,
    )
    on(
        [direction.input],
        translating.turn,
        [chooser.model, direction, styles],
        [*parts.faces, styles],
        api_name="turn",
        **quiet,
    )
    on(
        [parts.examples.input],
        translating.open_picture,
        [chooser.model, direction, parts.examples],
        [parts.source, parts.pen, parts.strip],
        api_name="open_picture",
        **quiet,
    )
    on([parts.seed.submit], translating.give_way, [], [styles], api_name="clear_styles", **quiet)


def wire_results(parts: Parts, translating: Translating, page: Page) -> None:
    """What it becomes, and where that can go: back to the input, or to the style picture of Paint."""
    waiting = {"model": True, "trigger_mode": "always_last", "show_progress": "minimal"}
    waiting |= {"show_progress_on": parts.shown}
    everything = [*parts.asked, parts.count, parts.styles, parts.size]
    results = [parts.shown, page.status]
    on(
        [parts.button.click, parts.pen.submit],
        translating.translate,
        everything,
        results,
        api_name="translate",
        **waiting,
    )
    on(
        [
            parts.source.input,
            parts.pen.input,
            parts.seed.change,
            parts.count.input,
            parts.styles.change,
            parts.size.release,
        ],
        translating.follow,
        everything,
        results,
        api_name="follow",
        api_visibility="private",
        **waiting,
    )
    onward = {"show_progress": "hidden", "api_visibility": "private"}
    on(
        [parts.shown.select],
        translating.again,
        [parts.chooser.model, parts.direction, parts.styles],
        [parts.direction, *parts.faces, parts.styles],
        api_name="again",
        **onward,
    )
    on(
        [parts.shown.submit],
        translating.to_paint,
        [],
        [page.inlets["paint.style"], page.tabs],
        api_name="to_paint",
        **onward,
    )


def wire_strip(parts: Parts, translating: Translating) -> None:
    """The strip between styles."""
    styles, strip = parts.styles, parts.strip
    on(
        [strip.submit],
        translating.blend,
        [*parts.asked, styles, parts.size],
        [strip],
        api_name="blend",
        model=True,
        show_progress="minimal",
    )
    on(
        [strip.select],
        translating.keep,
        [styles],
        [styles],
        api_name="keep",
        api_visibility="private",
        show_progress="hidden",
    )


def wire_letters(parts: Parts, translating: Translating) -> None:
    """Letters that are drawn to be styles, and the sheet of all letters."""
    on(
        [parts.take.click, parts.letter.submit],
        translating.add_letter,
        [parts.letter, parts.styles],
        [parts.styles, parts.letter],
        api_name="add_letter",
        show_progress="hidden",
    )
    on(
        [parts.alphabet.click],
        translating.alphabet,
        [parts.chooser.model, parts.styles],
        [parts.sheet],
        api_name="alphabet",
        model=True,
        show_progress="minimal",
        show_progress_on=parts.sheet,
    )
