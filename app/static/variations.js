// Four other looks of the same map; a click takes one. `value` is [{seed, picture}], pictures as data URIs.
// Events: `submit` asks for four, `select` (with {seed}) takes one.

const strip = element.querySelector(".strip");

function list() {
  strip.replaceChildren(...(props.value || []).map(({ seed, picture }) => {
    const tile = document.createElement("button");
    const image = Object.assign(document.createElement("img"), { src: picture, alt: "", draggable: false });
    Object.assign(tile, { type: "button", className: "tile", title: `Take this look (seed ${seed})` });
    tile.setAttribute("aria-label", `Take the look of seed ${seed}`);
    tile.append(image);
    tile.addEventListener("click", () => {
      for (const other of strip.children) other.classList.toggle("taken", other === tile);
      trigger("select", { seed });
    });
    return tile;
  }));
}

element.querySelector(".four").addEventListener("click", () => trigger("submit"));
watch("value", list);
list();
