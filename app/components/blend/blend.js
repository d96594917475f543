// A strip of pictures from one style to another; a click keeps one's mix. `value` is [{picture, mix}], pictures
// as data URIs. Events: `submit` asks for a strip, `select` (with {mix}) keeps one of its mixes.

import { mark, tile } from "../../scripts/tile.js";

const strip = element.querySelector(".strip");

function list() {
  strip.replaceChildren(...(props.value || []).map(({ picture, mix }, at) =>
    tile(picture, "Keep this look", `Keep the blended look ${at + 1}`, (kept) => {
      mark(strip, kept);
      trigger("select", { mix });
    })));
}

element.querySelector(".walk").addEventListener("click", () => trigger("submit"));
watch("value", list);
list();
