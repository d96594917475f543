// The map as the browser shows it, and over it what is not part of the map.

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
    overlay();
  });
}

/** What is not part of the map: the brush's outline, the line or polygon being drawn. */
export function overlay() {
  const box = view.sheet.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  [view.over.width, view.over.height] = [Math.round(box.width * scale), Math.round(box.height * scale)];
  if (!state.map) return;
  const pen = view.over.getContext("2d");
  const zoom = view.over.width / state.map.width;
  const trace = (path, closed) => {
    for (const [colour, width] of [["#000c", 3], ["#fff", 1.5]]) {
      pen.beginPath();
      path();
      if (closed) pen.closePath();
      [pen.strokeStyle, pen.lineWidth] = [colour, width * scale];
      pen.stroke();
    }
  };
  const ring = (p, radius) => {
    trace(() => pen.arc(p.x * zoom, p.y * zoom, Math.max(radius * zoom, 2 * scale), 0, 7));
  };
  const colour = props.palette[state.id]?.colour;
  if (state.points.length) {
    const corners = state.hover ? [...state.points, state.hover] : state.points;
    trace(() => corners.forEach((p) => pen.lineTo(p.x * zoom, p.y * zoom)), true);
    pen.fillStyle = `${colour}99`;
    pen.fill();
    state.points.forEach((p) => ring(p, 0));
  } else if (state.tool === "line" && state.drag && state.hover) {
    [pen.strokeStyle, pen.lineWidth, pen.lineCap] = [colour, 2 * state.radius * zoom, "round"];
    pen.beginPath();
    pen.moveTo(state.drag.last.x * zoom, state.drag.last.y * zoom);
    pen.lineTo(state.hover.x * zoom, state.hover.y * zoom);
    pen.stroke();
  }
  if (state.hover && (state.tool === "brush" || state.tool === "line")) ring(state.hover, state.radius);
}
