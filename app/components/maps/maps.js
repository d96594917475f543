// The strip of maps to begin with: a file of the user's own, or an example.
//
// Props: `examples` [{name, picture}], pictures being label maps as data URIs, `limit` (bytes of a file).
// `value` is the chosen map; `input` tells that there is one.

import { asUri, excess, onChoice } from "../../scripts/files.js";
import { tile } from "../../scripts/tile.js";

const strip = element.querySelector(".strip");
const file = element.querySelector("input");
const say = (text) => { element.querySelector(".say").textContent = text; };

function hand(uri) {
  say("");
  props.value = uri;
  trigger("input");
}

async function read(chosen) {
  if (!chosen) return;
  const problem = excess(chosen, props.limit);
  if (problem) return say(problem);
  try {
    hand(await asUri(chosen));
  } catch {
    say(`${chosen.name} cannot be read.`);
  }
}

function list() {
  strip.replaceChildren(...props.examples.map(({ name, picture }) =>
    tile(picture, `Example: ${name}`, `Example map ${name}`, () => hand(picture))));
}

element.querySelector(".open").addEventListener("click", () => file.click());
onChoice(file, ([chosen]) => read(chosen));
window.addEventListener("cgan:open", (event) => { if (event.detail) read(event.detail); else file.click(); });
watch("examples", list);
list();
