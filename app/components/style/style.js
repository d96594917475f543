// A picture whose light and colours the painting takes over. `value` is a data URI, or "" for none.
//
// Only light and colours count, so the picture is made small before it is sent. Props: `side`, the longest in
// pixels, `limit` (bytes).

import { onChoice, onDrop, onPaste } from "../../scripts/files.js";
import { shrink } from "../../scripts/shrink.js";

const file = element.querySelector("input");
const thumb = element.querySelector("img");

function show() {
  const there = Boolean(props.value);
  if (there) thumb.src = props.value;
  thumb.hidden = !there;
  element.querySelector(".clear").hidden = !there;
  element.querySelector(".style").classList.toggle("set", there);
}

function hand(uri) {
  props.value = uri;
  show();
  trigger("input");
}

async function read(chosen) {
  if (chosen) hand(await shrink(chosen, props.side, props.limit));
}

element.querySelector(".pick").addEventListener("click", () => file.click());
element.querySelector(".clear").addEventListener("click", () => hand(""));
onChoice(file, ([chosen]) => read(chosen));
onDrop(element, ([dropped]) => read(dropped));
onPaste(read);
window.addEventListener("cgan:style", ({ detail }) => read(detail)); // a photograph whose map was asked for
watch("value", show);
show();
