// What a change of the map sets off, and how it is taken back.

import { copy } from "../../scripts/raster.js";
import { keep, live, publish } from "./send.js";
import { show } from "./show.js";
import { $, state } from "./state.js";

const UNDO_STEPS = 60;

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

/** Before a change: it can be undone. */
export function remember() {
  state.undo.push(copy(state.map));
  if (state.undo.length > UNDO_STEPS) state.undo.shift();
  state.redo = [];
}

function travel(from, to) {
  if (!from.length || state.drag) return;
  to.push(state.map);
  state.map = from.pop();
  finished();
}

export const undo = () => travel(state.undo, state.redo);
export const redo = () => travel(state.redo, state.undo);

export function buttons() {
  $("[data-do=undo]").disabled = !state.undo.length;
  $("[data-do=redo]").disabled = !state.redo.length;
}
