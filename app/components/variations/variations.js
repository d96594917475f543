// The same map under four other seeds; a click takes one. `value` is [{seed, picture}], pictures as data URIs.
// Events: `submit` asks for four, `select` (with {seed, strength}) takes one; a style beside it has that strength.

import { mark, tile } from "../../scripts/tile.js";

const [strip, four] = [element.querySelector(".strip"), element.querySelector(".four")];

/** How much of the style the four have in common is told on the button. */
function tell(strength = null) {
  const share = strength === null ? "" : `${Math.round(100 * strength)} % your style`;
  four.querySelector("small").textContent = share;
  four.ariaLabel = `Four variations ${share}`.trim();
}

function list() {
  tell(props.value?.[0]?.strength);
  strip.replaceChildren(...(props.value || []).map(({ seed, picture, strength = null }) =>
    tile(picture, `Take this look (seed ${seed})`, `Take the look of seed ${seed}`, (taken) => {
      mark(strip, taken);
      trigger("select", { seed, strength });
    })));
}

four.addEventListener("click", () => trigger("submit"));
watch("value", list);
list();
