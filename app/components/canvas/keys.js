// The keys: tools, sizes, classes, undo and redo.

import { redo, undo } from "./history.js";
import { closePolygon } from "./pointer.js";
import { publish } from "./send.js";
import { overlay } from "./show.js";
import { $$, state } from "./state.js";
import { choose, widen } from "./tools.js";

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
  if (command && key === "z") deed = event.shiftKey ? redo : undo;
  if (command && key === "y") deed = redo;
  if (command && key === "Enter") deed = () => { publish(false); trigger("submit"); };
  if (!command && !event.altKey && key >= "1" && key <= "9") deed = () => choose(Number(key) - 1);
  if (!deed || (key === "Enter" && !command && !state.points.length)) return;
  event.preventDefault();
  deed();
}
window.addEventListener("keydown", typed);
