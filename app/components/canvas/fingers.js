// Moving the map under the sheet: by two fingers, with the middle button, or with space held down.

import { finished, takeBack } from "./history.js";
import { state, view } from "./state.js";
import { pan, spot, zoom } from "./zoom.js";

const SHORT = 0.06; // of the sheet: so short a stroke of the first finger was none

const fingers = new Map(); // where each finger that touches the sheet is, {u, v}
let hand = null; // what moves the map, {id, u, v}: a pointer, or two fingers, whose id is null

const middle = ([a, b]) => ({ u: (a.u + b.u) / 2, v: (a.v + b.v) / 2 });
const apart = ([a, b]) => {
  const { clientWidth, clientHeight } = view.sheet;
  return Math.hypot((a.u - b.u) * clientWidth, (a.v - b.v) * clientHeight);
};

/** A second finger came: a stroke of the first is taken back if it was short, and else complete. */
function giveUp() {
  const drag = state.drag;
  state.drag = state.hover = null;
  if (!drag || state.tool !== "brush") return;
  const [[, first]] = fingers;
  if (Math.hypot(first.u - drag.from.u, first.v - drag.from.v) < SHORT) takeBack();
  else finished();
}

/** Whether a pointer that comes moves the map instead of drawing. */
export function moves(event) {
  const at = spot(event);
  if (event.pointerType === "touch") {
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) giveUp();
    if (fingers.size > 1) hand = { id: null };
  } else if (event.button === 1 || (event.button === 0 && "pans" in view.sheet.dataset)) {
    hand = { id: event.pointerId, ...at };
    view.sheet.dataset.moves = "";
  }
  return hand !== null;
}

/** Whether a pointer that moves, or goes, is one of those that move the map. */
export function moving(event) {
  const at = spot(event);
  const gone = event.type !== "pointermove";
  if (hand?.id === event.pointerId) {
    pan(at.u - hand.u, at.v - hand.v);
    hand = gone ? null : { ...hand, ...at };
    if (gone) delete view.sheet.dataset.moves;
    return true;
  }
  if (!fingers.has(event.pointerId)) return false;
  const before = [...fingers.values()];
  if (gone) fingers.delete(event.pointerId);
  else fingers.set(event.pointerId, at);
  if (!hand || hand.id !== null) return false;
  const now = [...fingers.values()];
  if (now.length === 2 && before.length === 2) {
    zoom(apart(now) / Math.max(1, apart(before)), middle(before), middle(now));
  }
  if (!fingers.size) hand = null; // one finger that stays after the other does not draw
  return true;
}

// The middle button scrolls a page by itself, where nobody prevents it.
view.over.addEventListener("mousedown", (event) => { if (event.button === 1) event.preventDefault(); });
