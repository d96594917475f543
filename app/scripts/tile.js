// Small pictures to click on.

/** A button with a picture (a data URI). `title` is its tooltip, `label` its name for those who do not see it. */
export function tile(picture, title, label, clicked) {
  const made = document.createElement("button");
  const face = Object.assign(document.createElement("img"), { src: picture, alt: "", draggable: false });
  Object.assign(made, { type: "button", className: "tile", title });
  made.setAttribute("aria-label", label);
  made.append(face);
  made.addEventListener("click", () => clicked(made));
  return made;
}

/** Show that one of the tiles in `strip` is the one taken. */
export function mark(strip, taken) {
  for (const each of strip.children) each.classList.toggle("taken", each === taken);
}
