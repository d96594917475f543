// The same map under four other seeds; a click takes one. `value` is [{seed, picture}], pictures as data URIs.
// Events: `submit` asks for four, `select` (with {seed}) takes one.

import { mark, tile } from "../../scripts/tile.js";

const strip = element.querySelector(".strip");

function list() {
  strip.replaceChildren(...(props.value || []).map(({ seed, picture }) =>
    tile(picture, `Take this look (seed ${seed})`, `Take the look of seed ${seed}`, (taken) => {
      mark(strip, taken);
      trigger("select", { seed });
    })));
}

element.querySelector(".four").addEventListener("click", () => trigger("submit"));
watch("value", list);
list();
