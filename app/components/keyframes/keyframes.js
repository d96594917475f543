// Key frames of a film: the painter over one frame at a time, and a line of time below it.
//
// `value` is {film, maps: {number: map}}. Props: `palette`, `frames` (pictures of the film), `carried` (the maps
// of all frames that follow from the painted ones), `rate` and `limit` (bytes of a film). Events: `upload` when a
// film was opened, `input` when a frame was painted, `submit` with {frame, at} when the map of one is to be found, which
// comes as `found` [at, map] where there are `labels`. The finished maps go to the clip as "cgan:clip".

import * as png from "../../scripts/png.js";
import { asUri, excess, onChoice, onDrop } from "../../scripts/files.js";
import { sayIn } from "../../scripts/say.js";
import { choose, list } from "../canvas/classes.js";
import { buttons } from "../canvas/history.js";
import "../canvas/keys.js";
import { settled } from "../canvas/send.js";
import { show } from "../canvas/show.js";
import { $, state, view, ways } from "../canvas/state.js";
import { take, widen } from "../canvas/tools.js";

const [time, file] = [$(".time input"), $(".file")];
const say = sayIn($(".say"));
let film = ""; // the data URI of the film that is painted
let maps = {}; // by the number of a frame
let named = ""; // the film's file
let closed = {}; // the film that was closed last, its classes and its maps: they are there again with it

ways.keep = false;
ways.hand = (uri, map) => {
  maps[map.at] = uri;
  post();
};

/** Tell Python which frames are painted, and how. */
function post() {
  props.value = { film, maps: { ...maps } };
  if (Object.keys(maps).length) trigger("input");
  tell();
}

function tell() {
  const [at, count] = [Number(time.value), props.frames.length];
  const some = Object.keys(maps).length > 0;
  const known = maps[at] ? "painted" : props.carried[at] ? "follows" : some ? "will follow" : "to paint";
  $(".hint").textContent = some
    ? "Look where the maps drift, and paint there again."
    : `Paint this frame: what is left out is ${props.palette[0]?.name}. The other frames follow its motion.`;
  $(".where").textContent = `Frame ${at + 1} of ${count} · ${known}`;
  $(".forget").disabled = !maps[at];
  $(".use").disabled = !some;
  $(".marks").replaceChildren(...Object.keys(maps).map((number) => {
    const mark = document.createElement("i");
    mark.style.left = `${(100 * number) / Math.max(1, count - 1)}%`;
    return mark;
  }));
}

/** The map of a frame: the painted one, else the one that follows, else nothing. */
async function mapOf(at) {
  const uri = maps[at] ?? props.carried[at];
  if (uri) return { ...(await png.decode(uri)), at };
  const { naturalWidth: width, naturalHeight: height } = view.under;
  return { ids: new Uint8Array(width * height), width, height, at };
}

let going = 0; // how often a frame was called for
let called = 0; // the frame that was called for last: what is shown may still be another

/** Show a frame of the film and its map. */
async function go(at) {
  if (!props.frames[at]) return; // the film was closed
  const mine = ++going;
  called = at;
  await settled();
  time.value = at;
  view.under.src = props.frames[at];
  await view.under.decode().catch(() => {});
  const map = await mapOf(at);
  if (mine !== going) return;
  Object.assign(state, { map, undo: [], redo: [], points: [], drag: null });
  show();
  buttons();
  tell();
}

const classes = () => props.palette.map(({ name }) => name).join();
let painted = classes(); // those of the maps

function putAway() {
  if (Object.keys(maps).length) closed = { film, maps, classes: painted };
  painted = classes();
  [film, maps] = ["", {}];
}

async function read(chosen) {
  if (!chosen) return;
  const problem = excess(chosen, props.limit);
  if (problem) return say(problem);
  say(`${chosen.name} is being read …`);
  const uri = await asUri(chosen);
  const typed = /^data:(image\/gif|video\/)/.test(uri); // a browser that does not know a kind of video sends no type
  putAway();
  [film, named] = [typed ? uri : uri.replace(/^data:[^;,]*/, "data:video/mp4"), chosen.name];
  props.value = { film, maps: {} };
  trigger("upload");
}

function begin() {
  const there = props.frames.length > 0;
  $(".painter").hidden = !there;
  $(".keyframes > .open").hidden = there;
  if (!there) return stop();
  say("");
  maps = closed.film === film && closed.classes === classes() ? closed.maps : {};
  time.max = props.frames.length - 1;
  if (Object.keys(maps).length) post();
  go(0);
  element.scrollIntoView({ block: "nearest" });
}

let playing = 0;
function stop() {
  clearInterval(playing);
  playing = 0;
  $(".play").ariaPressed = "false";
}
function play() {
  if (playing) return stop();
  $(".play").ariaPressed = "true";
  playing = setInterval(() => go((Number(time.value) + 1) % props.frames.length), 1000 / props.rate);
}

/** Forget the film; with its maps it can be opened again. */
function close() {
  putAway();
  props.value = null;
  props.frames = [];
  begin();
}

$(".keyframes > .open").addEventListener("click", () => file.click());
onChoice(file, ([chosen]) => read(chosen));
onDrop($(".keyframes > .open"), ([dropped]) => read(dropped));
window.addEventListener("cgan:film", (event) => read(event.detail));
time.addEventListener("input", () => { stop(); go(Number(time.value)); });
$(".play").addEventListener("click", play);
$(".close").addEventListener("click", close);
$(".forget").addEventListener("click", () => {
  delete maps[time.value];
  props.carried = [];
  post();
  go(Number(time.value));
});
$(".label").addEventListener("click", async () => {
  stop();
  await settled();
  const at = Number(time.value);
  props.value = { frame: props.frames[at], at };
  trigger("submit");
});
watch("found", () => {
  const [at, uri] = props.found;
  if (!uri || !props.frames[at]) return;
  maps[at] = uri;
  post();
  go(at);
});
$(".use").addEventListener("click", async () => {
  stop();
  await settled();
  const detail = { clip: { film, maps: { ...maps } }, words: `${named}, ${Object.keys(maps).length} painted` };
  window.dispatchEvent(new CustomEvent("cgan:clip", { detail }));
});
watch("frames", begin);
watch("carried", () => { if (state.map && !maps[called]) go(called); else tell(); });
watch("labels", () => { $(".label").hidden = !props.labels; });
watch("palette", () => { list(); choose(0); close(); });
take("brush");
widen(24);
view.map.style.opacity = 0.55;
list();
choose(0);
begin();
