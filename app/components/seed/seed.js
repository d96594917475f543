// The seed of the look, with a dice. `value` is a whole number. Events: `input` for a new seed, from Python too, and
// `submit` before it when the dice rolled it (then a style picture gives way).

import { tellLater } from "../../scripts/later.js";

const MAX = 2147483647;
const field = element.querySelector("input");

function hand(seed, rolled = false) {
  props.value = seed;
  field.value = seed;
  if (rolled) trigger("submit");
  trigger("input");
}

function roll() {
  hand(Math.floor(Math.random() * MAX), true);
}

field.addEventListener("input", () => {
  const seed = Number(field.value);
  if (field.value && Number.isInteger(seed) && seed >= 0 && seed <= MAX) hand(seed);
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
  field.value = props.value || 0;
  tellLater();
});
field.value = props.value || 0;
