// The keys: tools, sizes, classes, undo and redo, zoom. `help.js` lists them.

import { choose, lock } from "./classes.js";
import { help } from "./help.js";
import { redo, undo } from "./history.js";
import { closePolygon } from "./pointer.js";
import { publish } from "./send.js";
import { overlay } from "./show.js";
import { $$, state, view } from "./state.js";
import { deeds, widen } from "./tools.js";

const toolKeys = Object.fromEntries($$("button[data-key]").map((button) => [button.dataset.key, button]));
const keys = {
  "[": () => widen(Math.floor(state.radius * 1.7)),
  "]": () => widen(Math.ceil(state.radius * 2.4) + 1),
  "+": deeds.nearer, "=": deeds.nearer, "-": deeds.farther, 0: deeds.whole,
  "?": help,
  k: () => lock(state.id),
  Enter: closePolygon,
  Escape() { state.points = []; overlay(); },
};

const TYPED_INTO = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable], dialog";

/** What a key does here and now; nothing, for most. */
function deedOf(event) {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (command && key === "z") return event.shiftKey ? redo : undo;
  if (command && key === "y") return redo;
  if (command && key === "Enter") return () => { publish(false); trigger("submit"); };
  if (command || event.altKey) return null;
  if (key === " " && state.hover) return () => { view.sheet.dataset.pans = ""; };
  if (key === "Enter" && !state.points.length) return null;
  if (key >= "1" && key <= "9") return () => choose(Number(key) - 1);
  if (toolKeys[key] && !toolKeys[key].hidden) return () => toolKeys[key].click();
  return keys[key];
}

function typed(event) {
  if (!element.isConnected) return window.removeEventListener("keydown", typed);
  if (event.target.closest?.(TYPED_INTO) || !state.map || !element.offsetParent) return;
  const deed = deedOf(event);
  if (!deed) return;
  event.preventDefault();
  deed();
}
window.addEventListener("keydown", typed);
window.addEventListener("keyup", (event) => { if (event.key === " ") delete view.sheet.dataset.pans; });
window.addEventListener("blur", () => { delete view.sheet.dataset.pans; });
