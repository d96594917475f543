// The strip of pictures to begin with: a file of the user's own, or an example. All that comes to be translated
// comes this way.
//
// Props: `examples` [{name, picture}], pictures being data URIs, `side` (the longest in pixels that is sent),
// `limit` (bytes of a file). `value` is the chosen picture; `input` tells that there is one.

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
  if (chosen.size > props.limit) {
    return say(`${chosen.name} is too large: at most ${Math.floor(props.limit / 2 ** 20)} MiB are allowed.`);
  }
  try {
    hand(await shrink(chosen, props.side, props.limit));
  } catch {
    say(`${chosen.name} cannot be read.`);
  }
}

function list() {
  strip.replaceChildren(...props.examples.map(({ name, picture }) => {
    const tile = document.createElement("button");
    const image = Object.assign(document.createElement("img"), { src: picture, alt: "", draggable: false });
    Object.assign(tile, { type: "button", className: "tile", title: `Example: ${name}` });
    tile.setAttribute("aria-label", `Example picture ${name}`);
    tile.append(image);
    tile.addEventListener("click", () => hand(picture));
    return tile;
  }));
}

element.querySelector(".open").addEventListener("click", () => file.click());
file.addEventListener("change", () => { read(file.files[0]); file.value = ""; });
window.addEventListener("cgan:open-picture", (event) => { if (event.detail) read(event.detail); else file.click(); });
window.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
  if (pasted && element.offsetParent) read(pasted);
});
watch("examples", list);
list();
