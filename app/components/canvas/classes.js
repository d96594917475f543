// The classes of the palette: the one in hand, those that are locked, and how one is found.

import { fade } from "../../scripts/fade.js";
import { overlay } from "./show.js";
import { $, $$, state, tell, view } from "./state.js";

const LOCK = '<svg aria-hidden="true" viewBox="0 0 24 24"><rect x="5.5" y="11" width="13" height="9" rx="2"/><path class="bow" d="M8.500 11V8a3.500 3.500 0 0 1 7 0v3"/></svg>';

/** Show which tool is in hand. */
export function press() {
  for (const button of $$("button[data-tool]")) {
    const { tool, id } = button.dataset;
    button.ariaPressed = String(tool === state.tool && (!id || Number(id) === state.id));
  }
}

const radio = (item) => item.querySelector("[role=radio]");
const shown = () => [...view.list.children].filter((item) => !item.hidden);

export function choose(id) {
  if (!props.palette[id]) return;
  state.id = id;
  for (const item of view.list.children) {
    const chosen = Number(item.dataset.id) === id;
    radio(item).ariaChecked = String(chosen);
    for (const button of item.children) button.tabIndex = chosen ? 0 : -1;
    if (chosen) item.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  press();
  overlay();
}

/** Lock a class, or free it: what tools draw leaves the pixels of locked classes alone. */
export function lock(id) {
  const item = [...view.list.children].find((each) => Number(each.dataset.id) === id);
  if (!item) return;
  const locked = !state.locked.delete(id);
  if (locked) state.locked.add(id);
  const { name } = props.palette[id];
  const button = item.querySelector(".lock");
  button.ariaPressed = String(locked);
  button.title = locked ? `${name} is locked: free it (K)` : `Lock ${name}: brush and fill leave it alone (K)`;
  tell(locked ? `${name} is locked` : `${name} is free`);
}

function made({ id, name, colour }, at) {
  const item = Object.assign(document.createElement("div"), { className: "item" });
  const button = Object.assign(document.createElement("button"), { type: "button", title: name });
  const key = Object.assign(document.createElement("kbd"), { textContent: at < 9 ? at + 1 : "" });
  const swatch = document.createElement("i");
  swatch.style.background = colour;
  key.ariaHidden = "true";
  button.setAttribute("role", "radio");
  button.append(swatch, Object.assign(document.createElement("span"), { textContent: name }), key);
  const bolt = Object.assign(document.createElement("button"), { type: "button", className: "lock", innerHTML: LOCK });
  Object.assign(bolt, { ariaLabel: `Lock ${name}`, ariaPressed: "false", title: `Lock ${name}: brush and fill leave it alone (K)` });
  item.dataset.id = id;
  item.append(button, bolt);
  return item;
}

/** List the classes of the palette, none of them locked. */
export function list() {
  state.locked.clear();
  view.list.replaceChildren(...props.palette.map(made));
  const unnamed = $(".unnamed");
  if (unnamed) unnamed.hidden = !props.palette.length || props.palette.some(({ name }) => !/^class \d+$/.test(name));
  find("");
}

/** Show the classes whose name has `words`. */
function find(words) {
  const field = $(".find input");
  if (field.value !== words) field.value = words;
  if ($(".find .clear")) $(".find .clear").hidden = !words;
  const wanted = words.trim().toLowerCase();
  for (const item of view.list.children) item.hidden = !radio(item).title.toLowerCase().includes(wanted);
  const found = shown().length > 0 || !wanted;
  if ($(".classes .nothing")) $(".classes .nothing").textContent = found ? "" : `No class called “${words.trim()}”`;
}

fade(view.list);
view.list.addEventListener("click", (event) => {
  const item = event.target.closest(".item");
  if (!item) return;
  if (event.target.closest(".lock")) return lock(Number(item.dataset.id));
  find("");
  choose(Number(item.dataset.id));
});
view.list.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = shown();
  const next = items[(items.indexOf(event.target.closest(".item")) + step + items.length) % items.length];
  choose(Number(next.dataset.id));
  radio(next).focus();
});
$(".find input").addEventListener("input", (event) => find(event.target.value));
$(".find input").addEventListener("keydown", (event) => {
  const [first] = shown();
  if (event.key === "Enter" && first) choose(Number(first.dataset.id));
  if (event.key === "Escape" || (event.key === "Enter" && first)) {
    find("");
    event.target.blur();
  }
});
$(".find .clear")?.addEventListener("click", () => { find(""); $(".find input").focus(); });
