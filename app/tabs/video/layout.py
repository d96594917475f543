"""How the Video tab looks, and to which handler each of its components talks."""

from dataclasses import dataclass

import gradio as gr

from app import choosing
from app.components.clips import Clips
from app.components.film import Film
from app.components.keyframes import Keyframes
from app.components.seed import Seed
from app.components.size import Size
from app.components.subjects import Subjects
from app.components.webcam import Webcam
from app.events import BROWSER, EACH_TIME, at_once, on
from app.tabs import Page
from app.tabs.video.handlers import RATES, Animating

# A change that came while a film was under way is followed when that has ended (`always_last`): not where a
# sheet was asked for since then, of which the film would take the place, and which does not give way to it.
ASKED = "(...asked) => { window.cganSheet = JSON.stringify(asked); }"
BEFORE = "JSON.stringify(asked) === window.cganSheet"
WAITED = f"(...asked) => {{ window.cganWaited = {BEFORE}; }}"
SINCE = (
    f"(...asked) => {{ const before = {BEFORE};"
    + """
  if (!before) window.cganSheet = "";
  window.cganFollowed = before ? null : asked[2];
  return before ? [null, ...asked.slice(1)] : asked;
}"""
)
TAKEN, REFUSED = (
    f"() => {{ window.dispatchEvent(new CustomEvent('{name}', {{ detail: window.cganFollowed }})); }}"
    for name in ("cgan:clip-taken", "cgan:clip-refused")
)


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events."""

    chooser: choosing.Chooser
    subjects: Subjects
    clips: Clips
    keyframes: Keyframes
    webcam: Webcam
    seed: Seed
    rate: Size
    waited: Size
    button: gr.Button
    all: gr.Button
    film: Film

    @property
    def asked(self) -> list[gr.components.Component]:
        """What says which film is to be made."""
        return [self.chooser.model, self.subjects, self.clips, self.seed, self.rate]

    @property
    def making(self) -> dict[str, object]:
        """How events are listened to that make a film."""
        shown = {"show_progress": "minimal", "show_progress_on": self.film}
        return {"model": True, "trigger_mode": "always_last"} | shown


def lay_out() -> Parts:
    """Place the components: the subject and the clip on the left, the film on the right."""
    chooser = choosing.lay_out("v-", example="fs_vid2vid-sprites")
    with gr.Row(elem_id="v-panes", elem_classes=["panes"]):
        with gr.Column(elem_id="v-from", scale=5):
            subjects = Subjects(elem_id="v-subjects")
            clips = Clips(elem_id="v-clips")
            keyframes = Keyframes(elem_id="v-keyframes", visible="hidden")
            webcam = Webcam(elem_id="v-webcam", visible="hidden")
            with gr.Row(elem_id="v-run-row"):
                seed = Seed(elem_id="v-seed", visible="hidden")
                button = gr.Button(
                    "Make the film", variant="primary", elem_id="v-go", elem_classes=["go"], min_width=80
                )
                every = gr.Button("All actions", elem_id="v-all", visible="hidden", min_width=80)
            with gr.Accordion("Advanced options", open=False, elem_id="v-advanced"):
                rate = Size(0, RATES[1], 0, step=1, label="Frames a second",
                            info="0: those of the clip; 8 where it has none.", elem_id="v-rate")  # fmt: skip
        with gr.Column(elem_id="v-to", scale=7):
            film = Film(elem_id="v-film")
            waited = Size(0, 1, 0, step=1, visible="hidden")
    return Parts(chooser, subjects, clips, keyframes, webcam, seed, rate, waited, button, every, film)


def wire(parts: Parts, animating: Animating, page: Page) -> None:
    """Connect the components to the handlers."""
    chooser, film, quiet = parts.chooser, parts.film, {"show_progress": "hidden"}
    results = [film, page.status]
    on(
        [page.opened["video"].select, chooser.refresh.click],
        animating.animators,
        [chooser.model],
        [chooser.model, chooser.notice],
        api_name="animators",
        **quiet,
    )
    at_once(
        [chooser.model.change], choosing.CALL_UP, [chooser.model], [page.status], api_name="call_up_animator"
    )
    on(
        [chooser.model.change],
        animating.choose,
        [chooser.model],
        [
            parts.subjects,
            parts.clips,
            parts.keyframes,
            parts.webcam,
            parts.seed,
            parts.all,
            film,
            chooser.origin,
        ],
        api_name="choose_animator",
        **quiet,
    )
    wire_films(parts, animating, results)
    wire_sheet(parts, animating, results)
    wire_inputs(parts, animating, page, results)


def wire_films(parts: Parts, animating: Animating, results: list[gr.components.Component]) -> None:
    """Connect what makes films, and stops them."""
    # A model that is chosen brings a clip.
    changes = [parts.subjects.input, parts.seed.input, parts.clips.change]
    # These come first: of one event's calls each waits until the one before has ended.
    at_once([parts.all.click], ASKED, parts.asked, [], api_name="ask_for_sheet")
    at_once(changes, WAITED, parts.asked, [], api_name="tell_what_waited")
    for name, triggers, waited in (
        ("give_way_to_change", changes, "window.cganWaited ? 1 : 0"),
        ("give_way", [parts.button.click, parts.all.click], "0"),
    ):
        on(
            triggers,
            animating.give_way,
            [parts.waited],
            [],
            js=f"() => [{waited}]",
            api_name=name,
            api_visibility="private",
            queue=False,
            show_progress="hidden",
            **EACH_TIME,
        )
    on([parts.button.click], animating.animate, parts.asked, results, api_name="animate", **parts.making)
    # The look of a first frame gives way to that of the seed.
    at_once([parts.seed.submit], "() => [[]]", [], [parts.subjects], api_name="clear_first_frame")
    followed = on(
        changes,
        animating.follow,
        parts.asked,
        results,
        api_name="follow_clip",
        api_visibility="private",
        js=SINCE,
        **parts.making,
    )
    followed.success(None, js=TAKEN, api_name="clip_taken", **BROWSER)
    followed.failure(None, js=REFUSED, api_name="clip_refused", **BROWSER)
    on([parts.film.submit], animating.stop, [], [], api_name="stop", queue=False, show_progress="hidden")


def wire_sheet(parts: Parts, animating: Animating, results: list[gr.components.Component]) -> None:
    """Connect what makes all actions of a character."""
    on(
        [parts.all.click],
        animating.sheet,
        [parts.chooser.model, parts.subjects, parts.rate],
        results,
        api_name="sheet",
        **parts.making,
    )


def wire_inputs(
    parts: Parts, animating: Animating, page: Page, results: list[gr.components.Component]
) -> None:
    """Connect what clips are made from: key frames and the webcam."""
    model, keyframes, webcam = parts.chooser.model, parts.keyframes, parts.webcam
    last = {"trigger_mode": "always_last", "show_progress": "hidden"}
    on([keyframes.upload], animating.open_film, [model, keyframes], [keyframes], api_name="open_film", **last)
    on(
        [keyframes.submit],
        animating.label_frame,
        [model, keyframes],
        [keyframes],
        api_name="label_frame",
        model=True,
        **last,
    )
    on([keyframes.input], animating.carry, [model, keyframes], [keyframes], api_name="carry", **last)
    on(
        [webcam.input],
        animating.live,
        [model, parts.subjects, webcam, parts.seed],
        [*results, webcam],
        api_name="live",
        model=True,
        **last,
    )
    on([webcam.submit], animating.end_live, [], [parts.film], api_name="end_live", model=True, **last)
    page.blocks.unload(animating.leave)
