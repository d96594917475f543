// The strip of pictures to begin with: a file of the user's own, or an example. All that comes to be translated
// comes this way.
//
// Props: `examples` [{name, picture}], pictures being data URIs, `side` (the longest in pixels that is sent),
// `limit` (bytes of a file). `value` is the chosen picture; `input` tells that there is one.

import { onChoice, onPaste } from "../../scripts/files.js";
import { sayIn } from "../../scripts/say.js";
import { shrinkAll } from "../../scripts/shrink.js";
import { tile } from "../../scripts/tile.js";

const strip = element.querySelector(".strip");
const file = element.querySelector("input");
const say = sayIn(element.querySelector(".say"));

function hand(uri) {
  say("");
  props.value = uri;
  trigger("input");
}

async function read(chosen) {
  if (!chosen) return;
  const { pictures: [picture], problem } = await shrinkAll([chosen], props.side, props.limit);
  if (problem) return say(problem);
  hand(picture);
}

function list() {
  strip.replaceChildren(...props.examples.map(({ name, picture }) =>
    tile(picture, `Example: ${name}`, `Example picture ${name}`, () => hand(picture))));
}

element.querySelector(".open").addEventListener("click", () => file.click());
onChoice(file, ([chosen]) => read(chosen));
onPaste(read);
window.addEventListener("cgan:open-picture", (event) => { if (event.detail) read(event.detail); else file.click(); });
watch("examples", () => { say(""); list(); });
list();
