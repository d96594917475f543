// A new map: of another shape, all of one class or with what is drawn in its middle.

import * as raster from "../../scripts/raster.js";
import { announce, finished, remember, replaceMap, restyle } from "./history.js";
import { $, state } from "./state.js";

const dialog = $(".blank");

/** The size of a map of `shape`, "4:3" or "" for the checkpoint's own, at the checkpoint's scale. */
function sized(shape) {
  const [height, width] = props.size;
  if (!shape) return [width, height];
  const [across, down] = shape.split(":").map(Number);
  const unit = Math.min(width, height) / Math.min(across, down);
  return [Math.round(across * unit), Math.round(down * unit)];
}

/** Ask for the shape of a new map. */
export function ask() {
  const { name, colour } = props.palette[state.id];
  dialog.querySelector(".of").textContent = name;
  dialog.querySelector("i").style.background = colour;
  for (const each of dialog.querySelectorAll("[data-shape]")) {
    const [width, height] = sized(each.dataset.shape);
    each.style.setProperty("--aspect", width / height);
    each.querySelector("small").textContent = `${width} × ${height}`;
    each.hidden = Boolean(each.dataset.shape) && `${sized("")}` === `${[width, height]}`; // the model's own once is enough
  }
  dialog.showModal();
}

dialog?.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-shape]");
  if (event.target === dialog || event.target.closest(".close") || chosen) dialog.close();
  if (!chosen) return;
  const [width, height] = sized(chosen.dataset.shape);
  const drawn = dialog.querySelector("[name=keep]").checked ? state.map : null;
  remember();
  replaceMap(raster.framed(drawn, width, height, state.id));
  announce("opened");
  restyle([]);
  finished();
});
