// Tools and buttons.
//
// The markup decides which tools there are: of its buttons `data-tool` names the tool, `data-id` the class that
// comes with it, `data-key` the key. `data-opens` is the event that opens a file, `data-announces` the one that tells
// of another map.

import { onDrop } from "../../scripts/files.js";
import { sparing } from "../../scripts/raster.js";
import { ask } from "./blank.js";
import { choose, press } from "./classes.js";
import { help } from "./help.js";
import { finished, redo, remember, undo } from "./history.js";
import { encoded, live, publish } from "./send.js";
import { overlay } from "./show.js";
import { $, state, view } from "./state.js";
import { whole, zoom } from "./zoom.js";

const OPENS = $(".painter").dataset.opens;
const STEP = 1.5; // of a click on the zoom
const ROW = 60; // pixels: what is higher has two rows

export function take(tool) {
  if (state.tool === "polygon" && tool !== "polygon") state.points = [];
  state.tool = tool;
  view.sheet.dataset.tool = tool;
  press();
  overlay();
}

export function widen(size) {
  const input = $(".size input");
  input.value = size;
  state.radius = input.value / 2;
  $(".size output").value = input.value;
  overlay();
}

/** Cover the whole map with a class. */
function cover(id) {
  remember();
  sparing(state.map, state.locked, (map) => map.ids.fill(id));
  finished();
}

const open = (file) => window.dispatchEvent(new CustomEvent(OPENS, { detail: file }));

async function save() {
  const link = document.createElement("a");
  link.href = await encoded(state.map);
  link.download = $("[data-do=save]").dataset.name;
  link.click();
}

export const deeds = {
  undo, redo, save, help, whole,
  cover: () => cover(state.id),
  clear: () => cover(0),
  open: () => open(),
  blank: ask,
  nearer: () => zoom(STEP),
  farther: () => zoom(1 / STEP),
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !state.map) return;
  if (button.dataset.tool) take(button.dataset.tool);
  if (button.dataset.do) deeds[button.dataset.do]();
  if (button.dataset.id) choose(Number(button.dataset.id));
});
$(".size input").addEventListener("input", (event) => widen(event.target.value));
$(".onion input")?.addEventListener("input", (event) => {
  view.map.style.opacity = 1 - event.target.value / 100;
});
$(".live input").addEventListener("change", () => { if (live() && state.map) publish(true); });
if ($(".onion:not([data-own])")) window.addEventListener("cgan:picture", (event) => { view.under.src = event.detail; });
view.under.addEventListener("load", () => {
  if (!state.map) return;
  const stretch = (view.under.naturalWidth / view.under.naturalHeight) * (state.map.height / state.map.width);
  if (Math.abs(stretch - 1) > 0.05) view.under.removeAttribute("src"); // the picture of a map of another shape
});

/** Where there is room in one row, tools have words under their icons. */
let measured = "";
function word(tools) {
  const buttons = [...tools.querySelectorAll("button")].filter(({ hidden }) => !hidden);
  const room = `${tools.offsetWidth} ${buttons.length}`;
  if (room === measured) return;
  measured = room;
  tools.classList.add("worded");
  if (tools.offsetHeight > ROW) tools.classList.remove("worded");
}

// What stands beside the painter begins at the same height as the map.
new ResizeObserver(([{ target }]) => {
  if (target.offsetWidth) word(target);
  const { offsetHeight: height } = target;
  if (height) target.closest(".panes")?.style.setProperty("--tools", `${height}px`);
}).observe($(".tools"));

// A map dropped on the canvas takes the same way as one opened from the strip of maps below.
onDrop(view.sheet, ([dropped]) => open(dropped));
