// The label painter: tools, classes and a canvas on which every pixel is the id of a class. Here maps and palettes
// come from Python; `state.js` says which props and events there are.

import * as png from "../../scripts/png.js";
import * as raster from "../../scripts/raster.js";
import { choose, list } from "./classes.js";
import { announce, buttons, remember, replaceMap } from "./history.js";
import "./keys.js";
import { encoded, keep, kept, publish } from "./send.js";
import { show } from "./show.js";
import { $, state, view } from "./state.js";
import { take, widen } from "./tools.js";

/** A map at the scale of the checkpoint: its shorter side is that of `size`. */
function atScale(map) {
  const scale = Math.min(...props.size) / Math.min(map.width, map.height);
  const sides = [map.width, map.height].map((side) => Math.round(side * scale));
  return scale === 1 ? map : raster.resize(map, ...sides);
}

// The page was opened by a link: its map is on the way, and one to begin with is shown but not painted.
let linked = Boolean(element.closest("#canvas")) && location.hash.startsWith("#cgan=");

async function open(uri, byHand) {
  const map = await png.decode(uri);
  if (map.ids.some((id) => id >= props.palette.length)) return;
  if (byHand && state.map) remember();
  replaceMap(byHand ? map : atScale(map));
  state.points = [];
  announce(byHand ? "opened" : "found");
  show();
  publish(byHand || !linked);
  if (byHand) keep();
  buttons();
}

let known = ""; // the classes of the map on the canvas, as JSON

/** Another checkpoint: the drawing stays if it has the same classes, else a kept one or an example comes.

Unless a map `comes` together with it: then nothing but that is shown and painted. */
async function adopt(comes) {
  if (!props.palette.length || !props.checkpoint) return;
  const thing = $("[data-tool=thing]");
  if (thing) thing.hidden = !props.looks;
  if (thing?.hidden && state.tool === "thing") take("brush");
  const names = JSON.stringify(props.palette);
  if (names !== known || !state.map) {
    known = names;
    Object.assign(state, { undo: [], redo: [], points: [], map: null });
    list();
    choose(Number(view.list.dataset.first));
    if (!comes) await open(kept() || props.first || (await blank()), false);
  } else if (!comes) {
    if (atScale(state.map) !== state.map) remember();
    replaceMap(atScale(state.map));
    announce("stayed");
    show();
    publish(true);
    buttons();
  }
}

function blank() {
  const [height, width] = props.size;
  return encoded({ ids: new Uint8Array(width * height), width, height });
}

// What Python sends comes prop by prop, a moment each, and is looked at when all of it is here; one after the other.
const came = { model: false, map: "" };
let [due, last] = [0, Promise.resolve()];

async function settle() {
  const { model, map } = came;
  Object.assign(came, { model: false, map: "" });
  if (map) linked = false;
  if (model) await adopt(Boolean(map));
  if (map) await open(map, true);
}

function arrived(what) {
  Object.assign(came, what);
  due ||= setTimeout(() => {
    due = 0;
    last = last.then(settle, settle);
  });
}

watch(["checkpoint", "palette", "size", "first", "looks"], () => arrived({ model: true }));
watch("value", () => { if (props.value) arrived({ map: props.value }); });
window.addEventListener("cgan:unrestored", () => { // a link led nowhere: what is shown is painted
  if (linked && state.map) publish(true);
  linked = false;
});
take("brush");
widen($(".size input").value);
buttons();
arrived({ model: true });
