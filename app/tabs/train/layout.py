"""How the Train tab looks, and to which handler each of its components talks."""

from dataclasses import dataclass

import gradio as gr

from app.choosing import TABS
from app.components.answer import Answer
from app.components.course import Course
from app.components.picker import Picker
from app.components.pulse import Pulse
from app.components.refresh import Refresh
from app.events import BROWSER, at_once, on
from app.tabs import Page
from app.tabs.train.handlers import FIRST, PRESET, PRESETS, Runs

SIZES = "tiny is a trial and hardly learns; small is for a CPU, paper for a GPU"
HIDDEN = {"show_progress": "hidden"}
PRIVATE = HIDDEN | {"api_visibility": "private"}
PAUSED, READY = (f"() => ({{ __type__: 'update', interactive: {each} }})" for each in ("false", "true"))
# The answer hears what the form says now: one about another form is not shown.
TOLD = "(...form) => { window.dispatchEvent(new CustomEvent('cgan:form', { detail: form })); }"


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events."""

    model: Picker
    about: gr.HTML
    preset: gr.Radio
    name: gr.Textbox
    data: gr.Textbox
    size: gr.Number
    images: gr.Number
    licence: gr.Textbox
    more: gr.Textbox
    names: gr.Textbox
    command: gr.HTML
    check: gr.Button
    start: gr.Button
    answer: Answer
    run: Picker
    refresh: Refresh
    course: Course
    timer: Pulse
    proposed: gr.State  # size and images, which give way to those of another model: others were typed

    @property
    def form(self) -> list[gr.components.Component]:
        """What says which run is wished."""
        texts = [self.model, self.preset, self.name, self.data]
        return [*texts, self.size, self.images, self.licence, self.more, self.names]


def lay_out(runs: Runs) -> Parts:
    """Place the components: the plan on the left, whole from the first paint on, the run on the right."""
    _, _, usual, free, words, named_classes = runs.choose(FIRST, PRESET)
    plan = dict(zip(("size", "images"), usual, strict=True))
    models, named = [*runs.training.models()], free["value"]
    with gr.Row(elem_id="r-panes", elem_classes=["panes"]):
        with gr.Column(scale=4, elem_id="r-plan", elem_classes=["form-pane"]):
            model = Picker(FIRST, choices=models, titled=True, elem_id="r-model")
            about = gr.HTML(words, label="about", elem_id="r-about", apply_default_css=False)
            data = gr.Textbox(
                label="Folder of training data", placeholder="empty: the built-in world of landscapes",
                elem_id="r-data", max_lines=1,
            )  # fmt: skip
            names = gr.Textbox(
                label="Class names, where the maps have but numbers", placeholder="sky, ground, …",
                elem_id="r-names", max_lines=1, visible=named_classes["visible"],
            )  # fmt: skip
            preset = gr.Radio(list(PRESETS), value=PRESET, label="Preset", elem_id="r-preset", info=SIZES)
            with gr.Row():
                # No bounds here: Gradio would tell of them while one types.
                size = gr.Number(plan["size"], label="Size in pixels", step=32, precision=0, elem_id="r-size")
                images = gr.Number(plan["images"], label="Pictures to see", precision=0, elem_id="r-images")
            name = gr.Textbox(named, label="Name of the checkpoint", elem_id="r-name", max_lines=1)
            with gr.Accordion("Licence, further flags", open=False, elem_id="r-advanced"):
                licence = gr.Textbox(
                    label="Licence", placeholder="not stated", elem_id="r-licence", max_lines=1
                )
                more = gr.Textbox(label="Further flags", placeholder="--batch 8 --validation 0.1",
                                  elem_id="r-more", max_lines=1)  # fmt: skip
            told = runs.tell(FIRST, PRESET, named, **plan)
            command = gr.HTML(told, label="command", elem_id="r-command", apply_default_css=False)
            with gr.Row(elem_id="r-go-row"):
                check = gr.Button(
                    "Check the folder", elem_id="r-check", elem_classes=["plain-button"], min_width=80
                )
                start = gr.Button(
                    "Start", variant="primary", elem_id="r-start", elem_classes=["go"], min_width=80
                )
            answer = Answer(elem_id="r-answer")
        with gr.Column(scale=7, elem_id="r-run"):
            with gr.Row(elem_id="r-run-row", elem_classes=["model-row"]):
                run = Picker(named="Run", visible=False, elem_id="r-runs")
                refresh = Refresh(elem_id="r-refresh")
            course = Course()
    timer, proposed = Pulse(2, active=False), gr.State(usual)
    rest = (names, command, check, start, answer, run, refresh, course, timer, proposed)
    return Parts(model, about, preset, name, data, size, images, licence, more, *rest)


def wire(parts: Parts, runs: Runs, page: Page) -> None:
    """Connect the components to the handlers."""
    on(
        [page.opened["train"].select, parts.refresh.click],
        runs.open,
        [parts.model, parts.run, parts.name],
        [parts.model, parts.run, parts.course, parts.timer, parts.answer, parts.name],
        api_name="training",
        **HIDDEN,
    )
    wire_plan(parts, runs)
    wire_start(parts, runs)
    wire_run(parts, runs, page)


def wire_plan(parts: Parts, runs: Runs) -> None:
    """The form, what it proposes and what it comes to."""
    on(
        [parts.model.change],
        runs.choose,
        [parts.model, parts.preset, parts.size, parts.images, parts.name, parts.proposed],
        [parts.size, parts.images, parts.proposed, parts.name, parts.about, parts.names],
        api_name="plan",
        **HIDDEN,
    )
    on(
        [parts.preset.change],
        runs.usual,
        [parts.model, parts.preset, parts.size, parts.images, parts.proposed],
        [parts.size, parts.images, parts.proposed],
        api_name="usual",
        **PRIVATE,
    )
    changes = [part.change for part in parts.form[2:]]
    told = PRIVATE | {"trigger_mode": "always_last"}
    on(changes, runs.tell, parts.form, [parts.command], api_name="command", **told)
    at_once([part.change for part in parts.form], TOLD, parts.form, [], api_name="form_says")
    # Each click is heard, though the folder of before is still being read: that one's answer is not wanted.
    on(
        [parts.check.click],
        runs.check,
        parts.form,
        [parts.answer],
        api_name="check_data",
        trigger_mode="multiple",
        concurrency_limit=None,
        **HIDDEN,
    )


def wire_start(parts: Parts, runs: Runs) -> None:
    """The button that starts a run: while it starts there is nothing to click on."""
    at_once([parts.start.click], PAUSED, [], [parts.start], api_name="pause_start")
    shown = [parts.answer, parts.run, parts.course, parts.timer]
    started = on([parts.start.click], runs.start, parts.form, shown, api_name="start", **HIDDEN)
    for ended, name in ((started.success, "ready_to_start"), (started.failure, "ready_again")):
        ended(None, [], [parts.start], js=READY, api_name=name, **BROWSER)  # `then` is not after a failure


def wire_run(parts: Parts, runs: Runs, page: Page) -> None:
    """The run that is shown."""
    shown = [parts.run, parts.course, parts.timer]
    on([parts.course.submit], runs.resume, [parts.run], shown, api_name="resume", **HIDDEN)
    pickers = [page.inlets[f"{tab}.model"] for tab in TABS.values()]
    on([parts.course.expand], runs.use, [parts.run], [page.tabs, *pickers], api_name="open_run", **PRIVATE)
    on([parts.course.stop], runs.stop, [], [parts.timer], api_name="stop_training", **HIDDEN)
    on([parts.course.select], runs.sheet, [], [parts.course], api_name="sheet_of_run", **PRIVATE)
    on(
        [parts.run.change, parts.timer.tick],
        runs.show,
        [parts.run],
        [parts.course, parts.timer],
        api_name="run",
        **HIDDEN,
    )
