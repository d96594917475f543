// A strip of looks from one style to another; a click keeps one. `value` is [{picture, mix}], pictures as data
// URIs. Events: `submit` asks for a strip, `select` (with {mix}) keeps one of its looks.

const strip = element.querySelector(".strip");

function list() {
  strip.replaceChildren(...(props.value || []).map(({ picture, mix }, at) => {
    const tile = document.createElement("button");
    const image = Object.assign(document.createElement("img"), { src: picture, alt: "", draggable: false });
    Object.assign(tile, { type: "button", className: "tile", title: "Keep this look" });
    tile.setAttribute("aria-label", `Keep the blended look ${at + 1}`);
    tile.append(image);
    tile.addEventListener("click", () => {
      for (const other of strip.children) other.classList.toggle("taken", other === tile);
      trigger("select", { mix });
    });
    return tile;
  }));
}

element.querySelector(".walk").addEventListener("click", () => trigger("submit"));
watch("value", list);
list();
