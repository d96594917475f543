// What a change of the map sets off, and how it is taken back.

import { copy } from "../../scripts/raster.js";
import { forget } from "./marks.js";
import { keep, live, publish } from "./send.js";
import { overlay, show } from "./show.js";
import { $, state, view } from "./state.js";
import { whole } from "./zoom.js";

const UNDO_STEPS = 60;

/**
 * Tell that another map, or another model, is here: the picture of the one before is not theirs. A map was "opened"
 * by hand, "found" for the model's classes, or it "stayed".
 */
export function announce(came) {
  view.under.removeAttribute("src");
  const event = $(".painter").dataset.announces;
  const aspect = state.map.width / state.map.height;
  if (event) window.dispatchEvent(new CustomEvent(event, { detail: { aspect, came } }));
}

/** The map changed under the pointer: show it, and if live, paint it. */
export function changed() {
  show();
  if (live()) publish(true);
}

/** A change is complete. */
export function finished() {
  show();
  publish(live());
  keep();
  buttons();
}

const now = () => ({ map: state.map, things: state.things.all });

/** Before a change: it can be undone. */
export function remember() {
  state.undo.push({ ...now(), map: copy(state.map) });
  if (state.undo.length > UNDO_STEPS) state.undo.shift();
  state.redo = [];
  buttons();
}

/** Put another map in the place of the one there is; of another size, all of it is shown. Tells whether it is. */
export function replaceMap(map) {
  const other = state.map?.width !== map.width || state.map.height !== map.height;
  state.map = map;
  if (other) whole();
  return other;
}

function travel(from, to) {
  if (!from.length || state.drag) return;
  to.push(now());
  const { map, things } = from.pop();
  if (replaceMap(map)) announce("opened");
  restyle(things);
  finished();
}

/** Give the things these looks, if they have others. */
export function restyle(things) {
  if (JSON.stringify(things) === JSON.stringify(state.things.all)) return;
  window.dispatchEvent(new CustomEvent("cgan:restyle", { detail: things }));
}

export const undo = () => travel(state.undo, state.redo);
export const redo = () => travel(state.redo, state.undo);

/** A change that turned out to be none: the map of before, and no step to take back. */
export function takeBack() {
  state.map = state.undo.pop().map;
  finished();
}

export function buttons() {
  $("[data-do=undo]").disabled = !state.undo.length;
  $("[data-do=redo]").disabled = !state.redo.length;
}

// The looks of single things are chosen elsewhere; here they are marked, and taken back with what else was done.
function told({ detail }) {
  if (!element.isConnected) return window.removeEventListener("cgan:things", told);
  state.things = detail;
  forget();
  overlay();
}
function before() {
  if (!element.isConnected) return window.removeEventListener("cgan:before-things", before);
  if (state.map) remember();
}
if ($("[data-tool=thing]")) {
  window.addEventListener("cgan:things", told);
  window.addEventListener("cgan:before-things", before);
}
