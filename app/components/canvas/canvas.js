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

async function open(uri, byHand) {
  const map = await png.decode(uri);
  if (map.ids.some((id) => id >= props.palette.length)) return;
  if (byHand && state.map) remember();
  replaceMap(byHand ? map : atScale(map));
  state.points = [];
  announce(byHand ? "opened" : "found");
  show();
  publish(true);
  if (byHand) keep();
  buttons();
}

let known = ""; // the classes of the map on the canvas, as JSON

/** Another checkpoint: the drawing stays if it has the same classes, else a kept one or an example comes. */
async function adopt() {
  if (!props.palette.length || !props.checkpoint) return;
  const thing = $("[data-tool=thing]");
  if (thing) thing.hidden = !props.looks;
  if (thing?.hidden && state.tool === "thing") take("brush");
  const names = JSON.stringify(props.palette);
  if (names === known && state.map) {
    if (atScale(state.map) !== state.map) remember();
    replaceMap(atScale(state.map));
    announce("stayed");
    show();
    publish(true);
    return buttons();
  }
  known = names;
  Object.assign(state, { undo: [], redo: [], points: [], map: null });
  list();
  choose(Number(view.list.dataset.first));
  const [height, width] = props.size;
  const blank = { ids: new Uint8Array(width * height), width, height };
  const start = kept() || props.first || (await encoded(blank));
  await open(start, false);
}

// One after the other: a map that comes together with a checkpoint is opened when the canvas is ready for it.
let last = Promise.resolve();
const inTurn = (job) => { last = last.then(job, job); };

watch(["checkpoint", "palette", "size", "first", "looks"], () => inTurn(adopt));
watch("value", () => { if (props.value) { const uri = props.value; inTurn(() => open(uri, true)); } });
take("brush");
widen($(".size input").value);
buttons();
inTurn(adopt);
