// The map as the browser shows it, and over it what is not part of the map.

import { forget, marks } from "./marks.js";
import { state, view } from "./state.js";

/** ABGR words of the palette, as ImageData wants them on little-endian machines (all that run a browser). */
const words = () => Uint32Array.from(props.palette, ({ colour }) => {
  const rgb = parseInt(colour.slice(1), 16);
  return (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
});

let frame = 0;

/** Show the map when the browser draws next. */
export function show() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    if (!state.map) return;
    const { ids, width, height } = state.map;
    if (view.map.width !== width || view.map.height !== height) {
      [view.map.width, view.map.height] = [width, height];
      view.sheet.style.setProperty("--aspect", width / height);
    }
    const drawn = new ImageData(width, height);
    const pixels = new Uint32Array(drawn.data.buffer);
    const lookup = words();
    for (let i = 0; i < ids.length; i++) pixels[i] = lookup[ids[i]];
    view.map.getContext("2d").putImageData(drawn, 0, 0);
    forget();
    overlay();
  });
}

/** A pen over the sheet: `zoom` device pixels a pixel of the map, `at` the place of one, `line` in both colours. */
function drawing() {
  const pen = view.over.getContext("2d");
  const density = window.devicePixelRatio || 1;
  const zoom = (view.over.width / state.map.width) * state.seen.scale;
  const at = (x, y) => [x * zoom + state.seen.x * view.over.width, y * zoom + state.seen.y * view.over.height];
  const line = (path, thick = 1.5) => {
    for (const [colour, width] of [["#000c", 2 * thick], ["#fff", thick]]) {
      pen.beginPath();
      path();
      [pen.strokeStyle, pen.lineWidth] = [colour, width * density];
      pen.stroke();
    }
  };
  const ring = (p, radius) => line(() => pen.arc(...at(p.x, p.y), Math.max(radius * zoom, 2 * density), 0, 7));
  return { pen, zoom, at, line, ring };
}

/** What is not part of the map: the brush's outline, the line or polygon being drawn, things with looks. */
export function overlay() {
  const box = view.sheet.getBoundingClientRect();
  const density = window.devicePixelRatio || 1;
  [view.over.width, view.over.height] = [Math.round(box.width * density), Math.round(box.height * density)];
  if (!state.map) return;
  const { pen, zoom, at, line, ring } = drawing();
  const colour = props.palette[state.id]?.colour;
  if (state.tool === "thing") outline(pen, at, line);
  if (state.points.length) {
    const corners = state.hover ? [...state.points, state.hover] : state.points;
    line(() => { corners.forEach((p) => pen.lineTo(...at(p.x, p.y))); pen.closePath(); });
    pen.fillStyle = `${colour}99`;
    pen.fill();
    state.points.forEach((p) => ring(p, 0));
  } else if (state.tool === "line" && state.drag && state.hover) {
    [pen.strokeStyle, pen.lineWidth, pen.lineCap] = [colour, 2 * state.radius * zoom, "round"];
    pen.beginPath();
    pen.moveTo(...at(state.drag.last.x, state.drag.last.y));
    pen.lineTo(...at(state.hover.x, state.hover.y));
    pen.stroke();
  }
  if (state.hover && (state.tool === "brush" || state.tool === "line")) ring(state.hover, state.radius);
}

/** Around each thing with a look a line, around the chosen one a thick one. */
function outline(pen, at, line) {
  for (const { edges, chosen } of marks()) {
    line(() => edges.forEach(([x, y, u, v]) => { pen.moveTo(...at(x, y)); pen.lineTo(...at(u, v)); }), chosen ? 2.5 : 1);
  }
}
