// The clip that drives a film. `value` is the data URI of a sheet or of a video, {flight, path}, or what the key
// frames hand over as "cgan:clip".
//
// Props: `what` (is asked for), `examples` [{name, group, picture, frames, clip}], strips of frames side by side, `paths` (ways of the
// camera), `opens` and `accept` (what files may be opened), `labels` (whether the maps of any video can be found) and
// `limit` (bytes of a file), `turn` (the model). Events: `input`, `change`. "cgan:clip-taken" and "cgan:clip-refused" tell what
// Python made of the clip in `detail`: where a file was refused, the clip of before is there again.

import { comesBack } from "../../scripts/again.js";
import { asUri, excess, onChoice, onDrop } from "../../scripts/files.js";
import { sayIn } from "../../scripts/say.js";

const $ = (selector) => element.querySelector(selector);
const [file, films] = [$(".file"), $(".films")];
const say = sayIn($(".say"));
let path = ""; // the way of the camera that was chosen
const told = new Map(); // what is said of clips that are no examples, by `key`
let before = null; // {value}: the clip that a file took the place of, which Python has not read yet

function hand(clip, words) {
  say("");
  const known = props.value;
  props.value = clip?.flight ? { ...clip, path } : clip;
  if (words) told.set(key(props.value), words);
  note();
  mark();
  trigger("input");
  if (clip !== known || !window.cganSheet) return;
  window.cganSheet = ""; // of all actions: it took the place of the clip's film, which is wanted again
  trigger("change"); // else a change tells itself
}

const kinds = [
  [/^data:(image|video)\/|^data:[^;,]*zip/, (uri) => uri],
  [/\.zip$/i, (uri) => uri.replace(/^data:[^;,]*/, "data:application/zip")],
  [/./, (uri) => uri.replace(/^data:[^;,]*/, "data:video/mp4")], // browsers send no type of a video they do not know
];

/** The data URI of a file, of a type that Python knows; nothing where it is too large. */
async function sendable(chosen) {
  if (!chosen) return "";
  const problem = excess(chosen, props.limit);
  if (problem) return say(problem);
  const uri = await asUri(chosen);
  const [, typed] = kinds.find(([known]) => known.test(uri.slice(0, 80)) || known.test(chosen.name));
  return typed(uri);
}

function bring(clip, words) {
  before ??= { value: props.value };
  hand(clip, words);
}

async function label(chosen) {
  const film = await sendable(chosen);
  if (film) bring({ film, label: true }, `${chosen.name}, its labels are found`);
}

async function read(chosen) {
  const sent = await sendable(chosen);
  if (sent) bring(/^data:[^;,]*zip/.test(sent) ? { flight: sent } : sent, chosen.name);
}

/** Whether a clip is still the one that was chosen. */
const stands = (clip) => key(clip) === key(props.value);

function refused({ detail }) {
  if (!stands(detail)) return trigger("change"); // Gradio forgets a call that waited for one that failed
  if (!before) return;
  props.value = before.value;
  before = null;
  note();
  mark();
  say("That file was not taken: the clip of before is here again.");
}

function step({ name, picture, frames, clip }) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "step", title: name, ariaLabel: `Clip ${name}` });
  made.style.backgroundImage = `url(${picture})`;
  made.style.setProperty("--frames", frames);
  const seen = Object.assign(new Image(), { src: picture });
  seen.decode().then(() => {
    made.style.setProperty("--aspect", seen.naturalWidth / frames / seen.naturalHeight);
  }).catch(() => {});
  made.addEventListener("click", () => hand(clip, ""));
  made.clip = clip;
  return made;
}

/** Whether an example is the clip that was chosen; of flights, whatever the path. */
const same = (clip, other) => clip === other || (Boolean(clip?.flight) && clip.flight === other?.flight);

/** What stays the same of a clip, whatever the path. */
const key = (clip) => clip?.flight ?? clip?.film ?? clip;

function mark() {
  for (const each of element.querySelectorAll(".step")) {
    each.classList.toggle("taken", same(each.clip, props.value));
    each.ariaPressed = String(same(each.clip, props.value));
  }
  $(".told").textContent = element.querySelector(".step.taken") ? "" : told.get(key(props.value)) ?? "";
  const flies = Boolean(props.value?.flight); // another clip has no way to choose
  for (const each of $(".paths").children) each.ariaChecked = String(flies && each.textContent === path);
}

function list() {
  const names = [...new Set(props.examples.map(({ group }) => group))];
  $(".groups").replaceChildren(...names.map((name) => {
    const row = Object.assign(document.createElement("div"), { className: "group" });
    const title = Object.assign(document.createElement("b"), { textContent: name });
    row.append(title, ...props.examples.filter(({ group }) => group === name).map(step));
    return row;
  }));
  if (!props.paths.includes(path)) path = props.paths[0] ?? "";
  $(".paths").replaceChildren(...props.paths.map((name) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    made.setAttribute("role", "radio");
    made.addEventListener("click", () => {
      path = name;
      const chosen = props.value?.flight ? props.value : props.examples.find(({ clip }) => clip.flight)?.clip;
      if (chosen) hand(chosen, told.get(key(chosen)) ?? "");
    });
    return made;
  }));
  $(".what").textContent = props.what;
  $(".open span").textContent = `Open ${props.opens}`;
  file.accept = props.accept;
  $(".labels").hidden = !props.labels;
  mark();
}

$(".open").addEventListener("click", () => file.click());
onChoice(file, ([chosen]) => read(chosen));
$(".labels").addEventListener("click", () => films.click());
onChoice(films, ([chosen]) => label(chosen));
onDrop(element, ([dropped]) => read(dropped));
window.addEventListener("cgan:clip-taken", ({ detail }) => { if (stands(detail)) before = null; });
window.addEventListener("cgan:clip-refused", refused);
window.addEventListener("cgan:clip", ({ detail }) => hand(detail.clip, detail.words));
watch(["examples", "opens", "paths", "what", "labels"], list);
watch("value", mark);
const note = comesBack(() => {
  path = props.value?.path ?? path;
  mark();
}, () => trigger("change")); // to another model it is another film
list();
