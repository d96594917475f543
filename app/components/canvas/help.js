// The keys, in a window of its own; where fingers tap, which see no titles, the tools by name instead.

import { $, $$ } from "./state.js";

const MORE = [
  ["1 – 9", "the class of that number"],
  ["K", "lock the class in hand, or free it"],
  ["[ ]", "smaller, larger brush"],
  ["Right click", "pick the class there"],
  ["Ctrl Z", "undo"],
  ["Ctrl Shift Z", "redo"],
  ["+ − 0", "nearer, farther, the whole map"],
  ["Ctrl wheel", "zoom; with two fingers too"],
  ["Space drag", "move the map; with the middle button too"],
  ["Enter, Esc", "close a polygon, cancel it"],
  ["R", "roll the dice for another look"],
  ["Ctrl Enter", "paint now"],
  ["?", "these keys"],
];

let dialog = null;

function made() {
  const tools = $$("button[data-key]").filter((button) => !button.hidden)
    .map((button) => [button.dataset.key.toUpperCase(), button.ariaLabel.toLowerCase()]);
  const rows = [...tools, ...MORE].map(([key, words]) => {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), { textContent: key }));
    row.append(Object.assign(document.createElement("dd"), { textContent: words }));
    return row;
  });
  const list = document.createElement("dl");
  list.append(...rows);
  return list;
}

/** The tools with their names, as buttons that do the same: `tools.js` hears them too. */
function menu() {
  const list = Object.assign(document.createElement("div"), { className: "menu" });
  list.append(...$$(".tools button").filter(({ hidden }) => !hidden).map((button) => {
    const twin = button.cloneNode(true);
    twin.querySelector("span").textContent = button.ariaLabel;
    return twin;
  }));
  return list;
}

/** Show the keys, or hide them again. */
export function help() {
  if (dialog?.open) return dialog.close();
  if (!dialog) {
    dialog = Object.assign(document.createElement("dialog"), { className: "help", ariaLabel: "Keys" });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("button")) dialog.close();
    });
    dialog.addEventListener("close", () => dialog.replaceChildren()); // a tool is there but once
    $(".painter").append(dialog);
  }
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
  const touched = matchMedia("(pointer: coarse)").matches;
  dialog.ariaLabel = touched ? "Tools" : "Keys";
  const title = Object.assign(document.createElement("h2"), { textContent: dialog.ariaLabel });
  dialog.replaceChildren(title, touched ? menu() : made(), close);
  dialog.showModal();
}
