// The seed of the look, with a dice. `value` is a whole number. Events: `input` for a new seed, from Python too, and
// `submit` before it when the dice rolled it (then a style picture gives way).

import { tellLater } from "../../scripts/later.js";
import { keep, kept, withFirstMap } from "../../scripts/memory.js";

const MAX = 2147483647;
const KEPT = "cgan seed"; // that of the Paint tab, as its style
const field = element.querySelector("input");
const valid = (seed) => Number.isInteger(seed) && seed >= 0 && seed <= MAX;
const ours = Boolean(element.closest("#seed"));

function show(seed) {
  field.value = seed;
  if (ours) keep(KEPT, seed);
}

function hand(seed, rolled = false) {
  props.value = seed;
  show(seed);
  if (rolled) trigger("submit");
  trigger("input");
}

function roll() {
  hand(Math.floor(Math.random() * MAX), true);
}

field.addEventListener("input", () => {
  const seed = Number(field.value);
  if (field.value && valid(seed)) hand(seed);
});
field.addEventListener("blur", () => { field.value = props.value || 0; });
element.querySelector("button").addEventListener("click", roll);

function typed(event) {
  if (!element.isConnected) return window.removeEventListener("keydown", typed);
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "r" && plain && !typing && element.offsetParent) roll();
}
window.addEventListener("keydown", typed);
watch("value", () => {
  show(props.value || 0);
  tellLater();
});
if (ours) {
  withFirstMap((linked) => {
    const before = linked ? null : kept(KEPT);
    if (valid(before)) props.value = field.value = before;
  });
}
field.value = props.value || 0;
