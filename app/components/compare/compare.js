// A picture before and after, with a slider between, and several results to choose from.
//
// `value` is {before, pictures: [{picture, label}], names: [from, to], drawn}, pictures being data URIs; without
// pictures {hint} may say what is to be done. Which of the results is shown is this browser's business: it stays
// the same place in the list while one draws.
// Events: `select` (with {picture}) makes the result the next input, `submit` the style of the Paint tab.

import { whileWorking } from "../../scripts/working.js";

const $ = (selector) => element.querySelector(selector);
const frame = $(".frame");
const [after, before, slider, strip] = [$(".after"), $(".before"), $("input"), $(".strip")];
let place = 0; // of the result that is shown

const results = () => props.value?.pictures ?? [];
const chosen = () => results()[Math.min(place, results().length - 1)]?.picture;

function slide() {
  frame.style.setProperty("--at", `${slider.value}%`);
}

function show() {
  const there = results().length > 0;
  after.hidden = before.hidden = !there;
  $(".empty").hidden = there;
  $(".empty").textContent = props.value?.hint ?? "The picture appears here.";
  list();
  if (!there) return;
  age(false);
  after.src = chosen();
  before.src = props.value.before;
  [$(".left").textContent, $(".right").textContent] = props.value.names;
  slide();
}
after.addEventListener("load", () => {
  frame.style.setProperty("--aspect", after.naturalWidth / after.naturalHeight);
});

/** The results as tiles. Those that are there stay, so that the keyboard keeps its place. */
function list() {
  const shown = results().length > 1 ? results() : [];
  while (strip.children.length > shown.length) strip.lastChild.remove();
  shown.forEach(({ picture, label }, at) => {
    const tile = strip.children[at] ?? strip.appendChild(made(at));
    tile.querySelector("img").src = picture;
    tile.title = `Show this look (${label})`;
    tile.ariaLabel = `Show the look ${label}`;
    tile.classList.toggle("taken", at === Math.min(place, shown.length - 1));
    tile.ariaPressed = String(tile.classList.contains("taken"));
  });
}

function made(at) {
  const tile = document.createElement("button");
  tile.append(Object.assign(document.createElement("img"), { alt: "", draggable: false }));
  Object.assign(tile, { type: "button", className: "tile" });
  tile.addEventListener("click", () => { place = at; show(); });
  return tile;
}

let silence;
function tell(words) {
  $(".told").textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => { $(".told").textContent = ""; }, 2500);
}

async function copy() {
  try {
    const blob = await (await fetch(chosen())).blob();
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    tell("Copied");
  } catch {
    tell("This browser copies pictures on https or localhost only");
  }
}

const deeds = {
  save: () => Object.assign(document.createElement("a"), { href: chosen(), download: "translated.png" }).click(),
  copy,
  large: () => (document.fullscreenElement ? document.exitFullscreen() : frame.requestFullscreen()),
  again: () => trigger("select", { picture: chosen() }),
  style: () => trigger("submit", { picture: chosen() }),
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button && chosen()) deeds[button.dataset.do]();
});
slider.addEventListener("input", slide);

/** Show that the result is of the picture before, or that it is not. */
function age(old) {
  frame.classList.toggle("old", old);
  $(".old").hidden = !old;
}

/** Another picture came to be translated, in the place of the one that is shown. */
function another() {
  if (!element.isConnected) return window.removeEventListener("cgan:translate", another);
  if (results().length) age(true);
}
window.addEventListener("cgan:translate", another);
whileWorking($(".working"), () => "Translating …");
watch("value", show);
show();
