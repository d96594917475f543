// What the tools do where the pointer is.

import * as raster from "../../scripts/raster.js";
import { changed, finished, remember } from "./history.js";
import { overlay } from "./show.js";
import { state, view } from "./state.js";
import { choose } from "./tools.js";

function place(event) {
  const box = view.sheet.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) * state.map.width) / box.width,
    y: ((event.clientY - box.top) * state.map.height) / box.height,
  };
}

/** The pixel under a place, kept inside the map. */
const pixel = ({ x, y }) => [
  Math.min(state.map.width - 1, Math.max(0, Math.floor(x))),
  Math.min(state.map.height - 1, Math.max(0, Math.floor(y))),
];

const pressed = {
  brush(at) {
    remember();
    state.drag.last = at;
    raster.stroke(state.map, at, at, state.radius, state.id);
    changed();
  },
  line(at) { state.drag.last = at; },
  fill(at) {
    remember();
    raster.flood(state.map, ...pixel(at), state.id);
    finished();
  },
  pick(at) {
    const [x, y] = pixel(at);
    choose(state.map.ids[y * state.map.width + x]);
  },
  thing(at) {
    const [x, y] = pixel(at);
    const region = raster.copy(state.map);
    raster.flood(region, x, y, 255); // no class has this id
    const inside = (row, column) => region.ids[row * region.width + column] === 255;
    window.dispatchEvent(new CustomEvent("cgan:thing", { detail: { row: y, column: x, inside } }));
  },
  polygon(at) {
    const near = (p) => Math.hypot(p.x - at.x, p.y - at.y) * (view.sheet.clientWidth / state.map.width) < 10;
    if (state.points.length > 2 && near(state.points[0])) return closePolygon();
    if (!state.points.length || !near(state.points.at(-1))) state.points.push(at);
    overlay();
  },
};

function moved(event) {
  state.hover = place(event);
  if (state.drag && state.tool === "brush") {
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) {
      const at = place(step);
      raster.stroke(state.map, state.drag.last, at, state.radius, state.id);
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
  if (!drag) return;
  if (state.tool === "line" && event.type === "pointerup") {
    remember();
    raster.stroke(state.map, drag.last, place(event), state.radius, state.id);
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
    raster.polygon(state.map, points, state.id);
    finished();
  }
  overlay();
}

view.over.addEventListener("pointerdown", (event) => {
  if (!state.map || state.drag) return;
  event.preventDefault();
  document.activeElement?.blur();
  const at = (state.hover = place(event));
  if (event.button === 2) return pressed.pick(at);
  if (event.button !== 0) return;
  view.over.setPointerCapture(event.pointerId);
  state.drag = { id: event.pointerId, last: at };
  if (["polygon", "fill", "thing"].includes(state.tool)) state.drag = null;
  pressed[state.tool](at);
});
view.over.addEventListener("pointermove", (event) => {
  if (state.map && (!state.drag || state.drag.id === event.pointerId)) moved(event);
});
for (const type of ["pointerup", "pointercancel"]) {
  view.over.addEventListener(type, (event) => { if (state.drag?.id === event.pointerId) released(event); });
}
view.over.addEventListener("pointerleave", () => { if (!state.drag) { state.hover = null; overlay(); } });
view.over.addEventListener("dblclick", closePolygon);
view.over.addEventListener("contextmenu", (event) => event.preventDefault());
new ResizeObserver(overlay).observe(view.sheet);
