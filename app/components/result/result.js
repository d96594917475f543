// The picture that the model painted. `value` is a PNG as a data URI.

import { whileWorking } from "../../scripts/working.js";

const frame = element.querySelector(".frame");
const picture = element.querySelector(".picture");

function show() {
  if (!props.value) return;
  picture.src = props.value;
  picture.hidden = false;
  frame.classList.remove("stale");
  element.querySelector(".empty").hidden = true;
  window.dispatchEvent(new CustomEvent("cgan:picture", { detail: props.value })); // for the onion skin
}
picture.addEventListener("load", () => {
  frame.style.setProperty("--aspect", picture.naturalWidth / picture.naturalHeight);
});

// Another map or model: the picture that is shown is not theirs.
window.addEventListener("cgan:map", ({ detail: { aspect } }) => {
  frame.classList.add("stale");
  if (picture.hidden) frame.style.setProperty("--aspect", aspect);
});

function save(uri, name) {
  Object.assign(document.createElement("a"), { href: uri, download: name }).click();
}

function asJpeg() {
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [picture.naturalWidth, picture.naturalHeight];
  sheet.getContext("2d").drawImage(picture, 0, 0);
  return sheet.toDataURL("image/jpeg", 0.95);
}

const deeds = {
  png: () => save(props.value, "picture.png"),
  jpeg: () => save(asJpeg(), "picture.jpg"),
  large: () => (document.fullscreenElement ? document.exitFullscreen() : frame.requestFullscreen()),
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button && props.value) deeds[button.dataset.do]();
});

let size = 0; // that is wished: the longer side in pixels, 0 for the map's
window.addEventListener("cgan:size", ({ detail }) => { size = detail; });
whileWorking(element.querySelector(".working"), () => (size ? `Painting at ${size} pixels …` : "Painting …"));
watch("value", show);
show();
