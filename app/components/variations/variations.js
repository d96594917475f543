// The same map under four other seeds; a click takes one. `value` is [{seed, picture}], pictures as data URIs.
// Events: `submit` asks for four, `select` (with {seed, strength}) takes one; a style beside it has that strength.
// They are seen as long as the style has the parts that it had when they were asked for.

import { mark, tile } from "../../scripts/tile.js";

const [strip, four] = [element.querySelector(".strip"), element.querySelector(".four")];
let asked = false; // they are on their way, and nobody has seen them
let [style, parts] = ["", ""]; // what the four and the page have as style

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
  if (!asked || !props.value?.length) return;
  asked = false;
  strip.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

four.addEventListener("click", () => {
  [asked, style] = [true, parts];
  trigger("submit");
});

/** Another style was chosen: the four are of the one before. */
function styled({ detail }) {
  if (!element.isConnected) return window.removeEventListener("cgan:parts", styled);
  parts = detail;
  if (parts === style || !props.value?.length) return;
  props.value = [];
  list();
}
window.addEventListener("cgan:parts", styled);
watch("value", list);
list();
