// A sheet of all contents in one style. `value` is its picture, a data URI, or nothing.

import { whileWorking } from "../../scripts/working.js";

const [sheet, image] = [element.querySelector(".alphabet"), element.querySelector("img")];

function show() {
  sheet.hidden = !props.value;
  if (props.value) image.src = props.value;
}

element.querySelector(".save").addEventListener("click", () => {
  Object.assign(document.createElement("a"), { href: props.value, download: "alphabet.png" }).click();
});
whileWorking(element.querySelector(".working"), () => "Making all letters …", 0);
watch("value", show);
show();
