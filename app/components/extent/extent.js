// The size of the picture: its longer side in pixels, 0 for the map's own. `value` is a whole number. Event: `input`,
// for one that came from Python too.

import { tellLater } from "../../scripts/later.js";

const field = element.querySelector("select");

/** The size that was chosen; one that is not in the list (a saved picture's) joins it. */
function show() {
  const value = String(props.value || 0);
  if (![...field.options].some((option) => option.value === value)) field.add(new Option(value));
  field.value = value;
  window.dispatchEvent(new CustomEvent("cgan:size", { detail: Number(value) }));
}
field.addEventListener("change", () => { props.value = Number(field.value); show(); trigger("input"); });
watch("value", () => { show(); tellLater(); });
show();
