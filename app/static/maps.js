// The strip of maps to begin with: a file of the user's own, or an example.
//
// Props: `examples` [{name, picture}], pictures being label maps as data URIs, `limit` (bytes of a file).
// `value` is the chosen map; `input` tells that there is one.

const strip = element.querySelector(".strip");
const file = element.querySelector("input");
const say = (text) => { element.querySelector(".say").textContent = text; };

function hand(uri) {
  say("");
  props.value = uri;
  trigger("input");
}

function read(chosen) {
  if (!chosen) return;
  if (chosen.size > props.limit) {
    return say(`${chosen.name} is too large: at most ${Math.floor(props.limit / 2 ** 20)} MiB are allowed.`);
  }
  const reader = new FileReader();
  reader.onload = () => hand(reader.result);
  reader.onerror = () => say(`${chosen.name} cannot be read.`);
  reader.readAsDataURL(chosen);
}

function list() {
  strip.replaceChildren(...props.examples.map(({ name, picture }) => {
    const tile = document.createElement("button");
    const image = Object.assign(document.createElement("img"), { src: picture, alt: "", draggable: false });
    Object.assign(tile, { type: "button", className: "tile", title: `Example: ${name}` });
    tile.setAttribute("aria-label", `Example map ${name}`);
    tile.append(image);
    tile.addEventListener("click", () => hand(picture));
    return tile;
  }));
}

element.querySelector(".open").addEventListener("click", () => file.click());
file.addEventListener("change", () => { read(file.files[0]); file.value = ""; });
window.addEventListener("cgan:open", (event) => { if (event.detail) read(event.detail); else file.click(); });
watch("examples", list);
list();
