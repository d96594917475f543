// The same map under four other seeds; a click takes one. `value` is [{seed, picture}], pictures as data URIs.
// Events: `submit` asks for four, `select` (with {seed, strength}) takes one; a style beside it has that strength.

import { mark, tile } from "../../scripts/tile.js";

const strip = element.querySelector(".strip");

function list() {
  strip.replaceChildren(...(props.value || []).map(({ seed, picture, strength = null }) =>
    tile(picture, `Take this look (seed ${seed})`, `Take the look of seed ${seed}`, (taken) => {
      mark(strip, taken);
      trigger("select", { seed, strength });
    })));
}

element.querySelector(".four").addEventListener("click", () => trigger("submit"));
watch("value", list);
list();
