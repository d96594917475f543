// The label painter: tools, classes and a canvas on which every pixel is the id of a class.
//
// Props from Python: `checkpoint` (its name), `palette` [{id, name, colour}], `size` [height, width], `first`
// (a map to begin with), `looks` (how many a thing can be given) and `value`, the map as a palette PNG (a data URI). Events: `input` when the map
// changed and should be painted, `submit` for Ctrl+Enter.
//
// The markup decides which tools there are: of its buttons `data-tool` names the tool, `data-id` the class that
// comes with it, `data-key` the key. `data-opens` is the event that opens a file.

const UNDO_STEPS = 60;
const LIVE_GAP = 60; // milliseconds between two maps sent while drawing
const $ = (selector) => element.querySelector(selector);
const $$ = (selector) => [...element.querySelectorAll(selector)];

const OPENS = $(".painter").dataset.opens;
const view = { map: $(".map"), over: $(".over"), under: $(".under"), sheet: $(".sheet"), list: $(".list") };
const state = {
  map: null, // {ids, width, height}
  tool: "brush", id: 0, radius: 12,
  undo: [], redo: [],
  points: [], // corners of the polygon being drawn
  drag: null, // {id, last} while a pointer is down
  hover: null,
};

// ---------------------------------------------------------------- drawing what there is

/** ABGR words of the palette, as ImageData wants them on little-endian machines (all that run a browser). */
const words = () => Uint32Array.from(props.palette, ({ colour }) => {
  const rgb = parseInt(colour.slice(1), 16);
  return (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
});

let frame = 0;
function show() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    if (!state.map) return;
    const { ids, width, height } = state.map;
    if (view.map.width !== width || view.map.height !== height) {
      [view.map.width, view.map.height] = [width, height];
      view.sheet.style.setProperty("--aspect", width / height);
    }
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const lookup = words();
    for (let i = 0; i < ids.length; i++) pixels[i] = lookup[ids[i]];
    view.map.getContext("2d").putImageData(image, 0, 0);
    overlay();
  });
}

/** What is not part of the map: the brush's outline, the line or polygon being drawn. */
function overlay() {
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

// ---------------------------------------------------------------- sending the map

const outbox = { stale: false, repaint: false, busy: false };

/** Send the map to Python, encoded; with `repaint` ask for a picture. Only the last state counts. */
function publish(repaint) {
  outbox.stale = true;
  outbox.repaint ||= repaint;
  if (!outbox.busy) drain();
}

async function drain() {
  outbox.busy = true;
  try {
    while (outbox.stale) {
      const repaint = outbox.repaint;
      outbox.stale = outbox.repaint = false;
      props.value = await encoded(state.map);
      if (repaint) trigger("input");
      await new Promise((resolve) => setTimeout(resolve, state.drag ? LIVE_GAP : 0));
    }
  } finally {
    outbox.busy = false;
  }
}

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const encoded = (map) => png.encode(map, props.palette.map(({ colour }) => rgb(colour)));
const live = () => $(".live input").checked;

/** The map changed under the pointer: show it, and if live, paint it. */
function changed() {
  show();
  if (live()) publish(true);
}

/** A change is complete. */
function finished() {
  show();
  publish(live());
  keep();
  buttons();
}

// The drawing survives a reload: one map for each list of classes, in this browser only.
const shelfKey = () => `cgan map of ${props.palette.map(({ name }) => name).join(" ")}`;

async function keep() {
  const map = state.map;
  const uri = await encoded(map);
  try {
    if (map === state.map) localStorage.setItem(shelfKey(), uri);
  } catch { /* full or forbidden: then nothing is kept */ }
}

function kept() {
  try { return localStorage.getItem(shelfKey()); } catch { return null; }
}

// ---------------------------------------------------------------- history

function remember() {
  state.undo.push(raster.copy(state.map));
  if (state.undo.length > UNDO_STEPS) state.undo.shift();
  state.redo = [];
}

function travel(from, to) {
  if (!from.length || state.drag) return;
  to.push(state.map);
  state.map = from.pop();
  finished();
}

function buttons() {
  $("[data-do=undo]").disabled = !state.undo.length;
  $("[data-do=redo]").disabled = !state.redo.length;
}

// ---------------------------------------------------------------- pointer

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

function closePolygon() {
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

// A map dropped on the canvas takes the same way as one opened from the strip of maps below.
view.sheet.addEventListener("dragover", (event) => event.preventDefault());
view.sheet.addEventListener("drop", (event) => {
  event.preventDefault();
  window.dispatchEvent(new CustomEvent(OPENS, { detail: event.dataTransfer.files[0] }));
});

// ---------------------------------------------------------------- tools and classes

function take(tool) {
  if (state.tool === "polygon" && tool !== "polygon") state.points = [];
  state.tool = tool;
  view.sheet.dataset.tool = tool;
  press();
  overlay();
}

/** Show which tool is in hand. */
function press() {
  for (const button of $$("button[data-tool]")) {
    const { tool, id } = button.dataset;
    button.ariaPressed = String(tool === state.tool && (!id || Number(id) === state.id));
  }
}

function widen(size) {
  const input = $(".size input");
  input.value = size;
  state.radius = input.value / 2;
  $(".size output").value = input.value;
  overlay();
}

function choose(id) {
  if (!props.palette[id]) return;
  state.id = id;
  for (const item of view.list.children) {
    const chosen = Number(item.dataset.id) === id;
    item.ariaChecked = String(chosen);
    item.tabIndex = chosen ? 0 : -1;
    if (chosen) item.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  press();
  overlay();
}

function classes() {
  view.list.replaceChildren(...props.palette.map(({ id, name, colour }, at) => {
    const item = document.createElement("button");
    const swatch = document.createElement("i");
    const key = document.createElement("kbd");
    Object.assign(item, { type: "button", role: "radio", title: name });
    item.dataset.id = id;
    swatch.style.background = colour;
    key.textContent = at < 9 ? at + 1 : "";
    key.ariaHidden = "true";
    item.append(swatch, Object.assign(document.createElement("span"), { textContent: name }), key);
    return item;
  }));
  search();
}

function search() {
  const wanted = $(".find input").value.trim().toLowerCase();
  for (const item of view.list.children) item.hidden = !item.title.toLowerCase().includes(wanted);
}

const deeds = {
  undo: () => travel(state.undo, state.redo),
  redo: () => travel(state.redo, state.undo),
  cover() {
    remember();
    state.map.ids.fill(state.id);
    finished();
  },
  clear() {
    remember();
    state.map.ids.fill(0);
    finished();
  },
  open: () => window.dispatchEvent(new CustomEvent(OPENS)),
  async save() {
    const link = document.createElement("a");
    link.href = await encoded(state.map);
    link.download = $("[data-do=save]").dataset.name;
    link.click();
  },
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !state.map) return;
  if (button.dataset.tool) take(button.dataset.tool);
  if (button.dataset.do) deeds[button.dataset.do]();
  if (button.dataset.id) choose(Number(button.dataset.id));
});
$(".find input").addEventListener("input", search);
$(".find input").addEventListener("keydown", (event) => {
  const first = [...view.list.children].find((item) => !item.hidden);
  if (event.key === "Enter" && first) { choose(Number(first.dataset.id)); event.target.blur(); }
  if (event.key === "Escape") { event.target.value = ""; search(); event.target.blur(); }
});
view.list.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const shown = [...view.list.children].filter((item) => !item.hidden);
  const next = shown[(shown.indexOf(document.activeElement) + step + shown.length) % shown.length];
  choose(Number(next.dataset.id));
  next.focus();
});
$(".size input").addEventListener("input", (event) => widen(event.target.value));
$(".onion input")?.addEventListener("input", (event) => {
  view.map.style.opacity = 1 - event.target.value / 100;
});
$(".live input").addEventListener("change", () => { if (live() && state.map) publish(true); });
if ($(".onion")) window.addEventListener("cgan:picture", (event) => { view.under.src = event.detail; });

// ---------------------------------------------------------------- keys

const toolKeys = Object.fromEntries($$("button[data-key]").map((button) => [button.dataset.key, button]));
const keys = {
  "[": () => widen(Math.floor(state.radius * 1.7)),
  "]": () => widen(Math.ceil(state.radius * 2.4) + 1),
  Enter: closePolygon,
  Escape() { state.points = []; overlay(); },
};

const TYPED_INTO = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

function typed(event) {
  if (!element.isConnected) return window.removeEventListener("keydown", typed);
  const typing = event.target.closest?.(TYPED_INTO);
  if (typing || !state.map || !element.offsetParent) return;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let deed = command || event.altKey ? null : keys[key];
  if (!command && !event.altKey && toolKeys[key] && !toolKeys[key].hidden) deed = () => toolKeys[key].click();
  if (command && key === "z") deed = event.shiftKey ? deeds.redo : deeds.undo;
  if (command && key === "y") deed = deeds.redo;
  if (command && key === "Enter") deed = () => { publish(false); trigger("submit"); };
  if (!command && !event.altKey && key >= "1" && key <= "9") deed = () => choose(Number(key) - 1);
  if (!deed || (key === "Enter" && !command && !state.points.length)) return;
  event.preventDefault();
  deed();
}
window.addEventListener("keydown", typed);

// ---------------------------------------------------------------- maps and palettes from Python

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
  state.map = byHand ? map : atScale(map);
  state.points = [];
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
    state.map = atScale(state.map);
    show();
    publish(true);
    return buttons();
  }
  known = names;
  Object.assign(state, { undo: [], redo: [], points: [], map: null });
  classes();
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
