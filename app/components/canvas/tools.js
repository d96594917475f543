// Tools, classes and buttons.
//
// The markup decides which tools there are: of its buttons `data-tool` names the tool, `data-id` the class that
// comes with it, `data-key` the key. `data-opens` is the event that opens a file.

import { onDrop } from "../../scripts/files.js";
import { finished, redo, remember, undo } from "./history.js";
import { encoded, live, publish } from "./send.js";
import { overlay } from "./show.js";
import { $, $$, state, view } from "./state.js";

const OPENS = $(".painter").dataset.opens;

export function take(tool) {
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

export function widen(size) {
  const input = $(".size input");
  input.value = size;
  state.radius = input.value / 2;
  $(".size output").value = input.value;
  overlay();
}

export function choose(id) {
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

/** List the classes of the palette. */
export function list() {
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

/** Cover the whole map with a class. */
function cover(id) {
  remember();
  state.map.ids.fill(id);
  finished();
}

const open = (file) => window.dispatchEvent(new CustomEvent(OPENS, { detail: file }));

async function save() {
  const link = document.createElement("a");
  link.href = await encoded(state.map);
  link.download = $("[data-do=save]").dataset.name;
  link.click();
}

const deeds = { undo, redo, cover: () => cover(state.id), clear: () => cover(0), open: () => open(), save };

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
  if (event.key === "Enter" && first) choose(Number(first.dataset.id));
  if (event.key === "Escape" || (event.key === "Enter" && first)) {
    event.target.value = "";
    search();
    event.target.blur();
  }
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
if ($(".onion:not([data-own])")) window.addEventListener("cgan:picture", (event) => { view.under.src = event.detail; });

// A map dropped on the canvas takes the same way as one opened from the strip of maps below.
onDrop(view.sheet, ([dropped]) => open(dropped));
