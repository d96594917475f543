// Zoom and pan: which part of the map the sheet shows. The map itself stays as it is, and so do brush sizes.

import { overlay } from "./show.js";
import { $, state, view } from "./state.js";

const MOST = 16; // times
const LINE = 16; // pixels, where a wheel counts lines
const TURN = 40; // pixels of a wheel's turn that count at once: a mouse sends a hundred, a touchpad few
const DOUBLES = 69; // of them double the scale

const within = (value, low, high) => Math.min(high, Math.max(low, value));

/** Show the map at `scale`, its corner at (x, y), in widths and heights of the sheet; never anything beside it. */
function look(scale, x, y) {
  scale = within(scale, 1, MOST);
  state.seen = { scale, x: within(x, 1 - scale, 0), y: within(y, 1 - scale, 0) };
  const moved = `translate(${100 * state.seen.x}%, ${100 * state.seen.y}%) scale(${scale})`;
  for (const part of [view.map, view.under]) part.style.transform = scale === 1 ? "" : moved;
  if ($(".scale")) $(".scale").textContent = `${Math.round(100 * scale)} %`;
  overlay();
}

/** The whole map again. */
export const whole = () => look(1, 0, 0);

/** Enlarge by `factor` what is at `place` {u, v} of the sheet, from 0 to 1, and bring it to the place `to`. */
export function zoom(factor, place = { u: 0.5, v: 0.5 }, to = place) {
  const { scale, x, y } = state.seen;
  const times = within(scale * factor, 1, MOST) / scale;
  look(scale * times, to.u - (place.u - x) * times, to.v - (place.v - y) * times);
}

/** Move the map by (u, v) widths and heights of the sheet. */
export const pan = (u, v) => look(state.seen.scale, state.seen.x + u, state.seen.y + v);

/** Where an event is on the sheet, from 0 to 1. */
export function spot(event) {
  const box = view.sheet.getBoundingClientRect();
  return { u: (event.clientX - box.left) / box.width, v: (event.clientY - box.top) / box.height };
}

view.sheet.addEventListener("wheel", (event) => {
  if (!event.ctrlKey || !state.map) return;
  event.preventDefault();
  const turn = event.deltaY * (event.deltaMode ? LINE : 1);
  zoom(2 ** (-within(turn, -TURN, TURN) / DOUBLES), spot(event));
}, { passive: false });
