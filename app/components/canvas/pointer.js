// What the tools do where the pointer is.

import * as raster from "../../scripts/raster.js";
import { choose } from "./classes.js";
import { changed, finished, remember } from "./history.js";
import { moves, moving } from "./fingers.js";
import { overlay } from "./show.js";
import { state, tell, view } from "./state.js";
import { spot } from "./zoom.js";

const NEAR = 10; // pixels of the screen

function place(event) {
  const { u, v } = spot(event);
  const { scale, x, y } = state.seen;
  return { x: ((u - x) / scale) * state.map.width, y: ((v - y) / scale) * state.map.height };
}

/** The pixel under a place, kept inside the map. */
const pixel = ({ x, y }) => [
  Math.min(state.map.width - 1, Math.max(0, Math.floor(x))),
  Math.min(state.map.height - 1, Math.max(0, Math.floor(y))),
];

const classAt = (at) => {
  const [x, y] = pixel(at);
  return state.map.ids[y * state.map.width + x];
};
const name = (id) => props.palette[id].name;

/** Draw, but not over locked classes. */
const draw = (change) => raster.sparing(state.map, state.locked, change);

const stroke = (from, to) => draw((map) => raster.stroke(map, from, to, state.radius, state.id));

/** Whether the class there may be changed; if not, that is told. */
function free(at) {
  const locked = state.locked.has(classAt(at));
  if (locked) tell(`${name(classAt(at))} is locked: free it in the list (K)`);
  return !locked;
}

const pressed = {
  brush(at) {
    remember();
    state.drag.last = at;
    stroke(at, at);
    changed();
  },
  line(at) { state.drag.last = at; },
  fill(at) {
    if (!free(at)) return;
    remember();
    draw((map) => raster.flood(map, ...pixel(at), state.id));
    finished();
  },
  replace(at) {
    const from = classAt(at);
    if (from === state.id) return tell(`Click another class: all of it becomes ${name(state.id)}`);
    if (!free(at)) return;
    remember();
    raster.replace(state.map, from, state.id);
    finished();
    tell(`All ${name(from)} became ${name(state.id)}`);
  },
  pick(at) { choose(classAt(at)); },
  thing(at) {
    const [x, y] = pixel(at);
    const region = raster.region(state.map, x, y);
    const inside = (row, column) => region.ids[row * region.width + column] === 1;
    window.dispatchEvent(new CustomEvent("cgan:thing", { detail: { row: y, column: x, inside } }));
  },
  polygon(at) {
    const onScreen = (view.sheet.clientWidth / state.map.width) * state.seen.scale;
    const near = (p) => Math.hypot(p.x - at.x, p.y - at.y) * onScreen < NEAR;
    if (state.points.length > 2 && near(state.points[0])) return closePolygon();
    if (!state.points.length || !near(state.points.at(-1))) state.points.push(at);
    overlay();
  },
};
const DRAGGED = ["brush", "line", "pick"]; // the other tools act at one place

function moved(event) {
  state.hover = place(event);
  if (state.drag && state.tool === "brush") {
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) {
      const at = place(step);
      stroke(state.drag.last, at);
      state.drag.last = at;
    }
    changed();
  } else if (state.drag && state.tool === "pick") {
    pressed.pick(state.hover);
  }
  overlay();
}

function released(event) {
  const drag = state.drag;
  state.drag = null;
  if (event.type === "pointerup") {
    if (!DRAGGED.includes(state.tool)) pressed[state.tool](drag.start); // a finger's: no second one has come
    if (state.tool === "line") {
      remember();
      stroke(drag.last, place(event));
    }
  }
  if (state.tool === "line" || state.tool === "brush") finished();
  if (event.pointerType !== "mouse") state.hover = null;
  overlay();
}

export function closePolygon() {
  const points = state.points;
  state.points = [];
  if (points.length > 2) {
    remember();
    draw((map) => raster.polygon(map, points, state.id));
    finished();
  }
  overlay();
}

view.over.addEventListener("pointerdown", (event) => {
  if (!state.map) return;
  event.preventDefault();
  document.activeElement?.blur();
  view.over.setPointerCapture(event.pointerId);
  if (moves(event) || state.drag) return;
  const at = (state.hover = place(event));
  if (event.button === 2) return pressed.pick(at);
  if (event.button !== 0) return;
  const waits = event.pointerType === "touch" && !DRAGGED.includes(state.tool);
  if (waits || DRAGGED.includes(state.tool)) state.drag = { id: event.pointerId, start: at, last: at, from: spot(event) };
  if (!waits) pressed[state.tool](at);
});
view.over.addEventListener("pointermove", (event) => {
  if (moving(event)) return;
  if (state.map && (!state.drag || state.drag.id === event.pointerId)) moved(event);
});
for (const type of ["pointerup", "pointercancel"]) {
  view.over.addEventListener(type, (event) => {
    if (!moving(event) && state.drag?.id === event.pointerId) released(event);
  });
}
view.over.addEventListener("pointerleave", () => { if (!state.drag) { state.hover = null; overlay(); } });
view.over.addEventListener("dblclick", closePolygon);
view.over.addEventListener("contextmenu", (event) => event.preventDefault());
new ResizeObserver(overlay).observe(view.sheet);
