// A small window in which a character is drawn, pixel by pixel, or a picture of one is changed.
//
// Props that it reads: `canvas` [height, width], [] where nothing can be drawn, and `guide`, a picture that shines
// through where nothing is drawn yet.

const BLANK = "#808080"; // the ground of the sheets that models learn characters from
const BASE = [
  "#000000", "#3c2a21", "#7a4a2b", "#c98d5f", "#f2c9a1", "#ffffff", "#b8b8c4", "#5a5a6a",
  "#b3202c", "#e8743b", "#f5c542", "#3f9b4f", "#2a6f97", "#5fb4e8", "#6a3fa0", "#e58bb5",
];
const UNDO_STEPS = 100;
const $ = (selector) => element.querySelector(selector);
const [dialog, sheet, colours, custom] = [$(".draw"), $(".pixels"), $(".colours"), $(".custom")];
const pen = sheet.getContext("2d", { willReadFrequently: true });

let done = () => {};
let unfinished = null; // the picture that a drawing was begun with, if it was put away without being used
let tool = "pen";
let colour = BASE[3];
let last = null; // where the pointer was
let past = [];
let future = [];

const pixels = () => pen.getImageData(0, 0, sheet.width, sheet.height);
const hex = (data, at) => `#${[0, 1, 2].map((i) => data[at + i].toString(16).padStart(2, "0")).join("")}`;

function remember() {
  past.push(pixels());
  if (past.length > UNDO_STEPS) past.shift();
  future = [];
  history();
}

function history() {
  $("[data-deed=undo]").disabled = !past.length;
  $("[data-deed=redo]").disabled = !future.length;
}

function travel(from, to) {
  if (!from.length) return;
  to.push(pixels());
  pen.putImageData(from.pop(), 0, 0);
  history();
}

function place(event) {
  const box = sheet.getBoundingClientRect();
  return [
    Math.floor(((event.clientX - box.left) * sheet.width) / box.width),
    Math.floor(((event.clientY - box.top) * sheet.height) / box.height),
  ];
}

/** One pixel, or a block of four by four with the thick pen; its mirror image too, if that is wanted. */
function dot(x, y) {
  const size = Number($(".thick").value);
  const corner = Math.floor(size / 2);
  const fill = (left) => (tool === "erase"
    ? pen.clearRect(left, y - corner, size, size)
    : pen.fillRect(left, y - corner, size, size));
  pen.fillStyle = colour;
  fill(x - corner);
  if ($(".mirror").ariaPressed === "true") fill(sheet.width - x - size + corner);
}

function line([x, y], [u, v]) {
  const steps = Math.max(Math.abs(u - x), Math.abs(v - y), 1);
  for (let i = 0; i <= steps; i++) dot(Math.round(x + ((u - x) * i) / steps), Math.round(y + ((v - y) * i) / steps));
}

/** The connected region of one colour around a pixel. */
function flood(x, y) {
  const image = pixels();
  const words = new Uint32Array(image.data.buffer);
  const from = words[y * sheet.width + x];
  pen.fillStyle = colour;
  const waiting = [[x, y]];
  const seen = new Set();
  while (waiting.length) {
    const [left, top] = waiting.pop();
    const at = top * sheet.width + left;
    if (left < 0 || top < 0 || left >= sheet.width || top >= sheet.height || seen.has(at) || words[at] !== from) continue;
    seen.add(at);
    pen.fillRect(left, top, 1, 1);
    waiting.push([left + 1, top], [left - 1, top], [left, top + 1], [left, top - 1]);
  }
}

function pick(x, y) {
  const { data } = pen.getImageData(x, y, 1, 1);
  if (data[3]) choose(hex(data, 0));
}

function choose(chosen) {
  colour = custom.value = chosen;
  if (tool !== "fill") take("pen");
  for (const each of colours.children) each.ariaPressed = String(each.dataset.colour === chosen);
}

function take(chosen) {
  tool = chosen;
  for (const each of dialog.querySelectorAll("[data-draw]")) each.ariaPressed = String(each.dataset.draw === tool);
}

/** The colours to choose from: the picture's own, most used first, then others. */
function list() {
  const { data } = pixels();
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3]) counts.set(hex(data, at), (counts.get(hex(data, at)) ?? 0) + 1);
  const own = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, 16).map(([name]) => name);
  colours.replaceChildren(...[...new Set([...own, ...BASE])].map((name) => {
    const made = Object.assign(document.createElement("button"), { type: "button", title: name });
    made.ariaLabel = `Colour ${name}`;
    [made.dataset.colour, made.style.background] = [name, name];
    return made;
  }));
  choose(own[0] ?? colour);
}

/** Lay a picture on the sheet; its ground, the colour of the first pixel, is left out. */
async function lay(uri) {
  pen.clearRect(0, 0, sheet.width, sheet.height);
  if (uri) {
    const picture = Object.assign(new Image(), { src: uri });
    await picture.decode().catch(() => {});
    pen.imageSmoothingEnabled = picture.naturalWidth > 2 * sheet.width;
    pen.drawImage(picture, 0, 0, sheet.width, sheet.height);
    const image = pixels();
    const words = new Uint32Array(image.data.buffer);
    const ground = words[0];
    if (hex(image.data, 0) === BLANK) for (let at = 0; at < words.length; at++) if (words[at] === ground) words[at] = 0;
    pen.putImageData(image, 0, 0);
  }
  [past, future] = [[], []];
  history();
  list();
}

/** The drawing on its ground -> data URI of a PNG. */
function drawn() {
  const flat = Object.assign(document.createElement("canvas"), { width: sheet.width, height: sheet.height });
  const ink = flat.getContext("2d");
  ink.fillStyle = BLANK;
  ink.fillRect(0, 0, flat.width, flat.height);
  ink.drawImage(sheet, 0, 0);
  return flat.toDataURL("image/png");
}

/**
 * Open the window with a picture (a data URI, "" for none); `finished` gets the drawing as a data URI. One that was
 * put away (Cancel, Escape) is there again when the same picture is opened.
 */
export function draw(uri, finished) {
  done = finished;
  const goesOn = unfinished === uri && sheet.height === props.canvas[0] && sheet.width === props.canvas[1];
  unfinished = uri;
  if (!goesOn) [sheet.height, sheet.width] = props.canvas;
  $(".paper").style.setProperty("--aspect", sheet.width / sheet.height);
  $(".paper").style.setProperty("--pixels", sheet.width);
  $(".guide").src = props.guide || "data:,";
  $(".guide").hidden = !props.guide;
  if (!goesOn) {
    take("pen");
    lay(uri);
  }
  dialog.showModal();
}

const deeds = {
  undo: () => travel(past, future),
  redo: () => travel(future, past),
  clear() { remember(); pen.clearRect(0, 0, sheet.width, sheet.height); },
  cancel: () => dialog.close(),
  done() {
    dialog.close();
    unfinished = null;
    done(drawn());
  },
};

sheet.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  const at = place(event);
  if (tool === "pick" || event.button === 2) return pick(...at);
  remember();
  if (tool === "fill") return flood(...at);
  sheet.setPointerCapture(event.pointerId);
  last = at;
  line(at, at);
});
sheet.addEventListener("pointermove", (event) => {
  if (!last) return;
  const at = place(event);
  line(last, at);
  last = at;
});
for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, () => { last = null; });
sheet.addEventListener("contextmenu", (event) => event.preventDefault());
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.draw) take(button.dataset.draw);
  if (button.dataset.deed) deeds[button.dataset.deed]();
  if (button.dataset.colour) choose(button.dataset.colour);
  if (button.matches(".mirror")) button.ariaPressed = String(button.ariaPressed !== "true");
});
dialog.addEventListener("keydown", (event) => {
  event.stopPropagation(); // the keys of the painters behind do not count here
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") deeds[event.shiftKey ? "redo" : "undo"]();
});
custom.addEventListener("input", () => choose(custom.value));
