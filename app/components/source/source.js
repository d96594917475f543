// The photograph to translate, and a camera. `value` is a data URI, or "" for none.
//
// What is opened, dropped, pasted or taken here goes through the strip of pictures below, as a file does. Props:
// `turn`, the model and its direction; where it changes, a picture of the user's `own` stays, and any other gives
// way to `first`. Event: `input` when there is something to translate (anew), or nothing any more.

import { onDrop } from "../../scripts/files.js";

const $ = (selector) => element.querySelector(selector);
const [frame, picture, camera] = [$(".frame"), $(".picture"), $(".camera")];
const hand = (file) => window.dispatchEvent(new CustomEvent("cgan:open-picture", { detail: file }));

let known = "";
let shown = ""; // the picture that is to be translated

function show() {
  if (props.turn !== known) {
    known = props.turn;
    if (known && !props.own) props.value = props.first;
  }
  const there = Boolean(props.value);
  if (there) picture.src = props.value;
  picture.hidden = !there || !camera.hidden;
  $(".empty").hidden = there || !camera.hidden;
  if (known && shown !== props.value) window.dispatchEvent(new CustomEvent("cgan:translate"));
  shown = known ? props.value : "";
  if (known) trigger("input");
}
const shape = (width, height) => frame.style.setProperty("--aspect", width / height);
picture.addEventListener("load", () => { if (camera.hidden) shape(picture.naturalWidth, picture.naturalHeight); });

let silence;
function tell(words) {
  $(".told").textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => { $(".told").textContent = ""; }, 4000);
}

function view(on) {
  camera.hidden = $(".shoot").hidden = !on;
  $("[data-do=camera]").ariaPressed = String(on);
  picture.hidden = on || !props.value;
  $(".empty").hidden = on || Boolean(props.value);
  if (!on && props.value) shape(picture.naturalWidth, picture.naturalHeight);
}

async function start() {
  try {
    camera.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await camera.play();
    shape(camera.videoWidth, camera.videoHeight);
    view(true);
    $(".shoot").focus();
  } catch (error) {
    const why = navigator.mediaDevices ? error.message : "browsers lend it on https or localhost only";
    tell(`The camera cannot be used: ${why}`);
  }
}

function stop() {
  for (const track of camera.srcObject?.getTracks() ?? []) track.stop();
  camera.srcObject = null;
  view(false);
}

function shoot() {
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [camera.videoWidth, camera.videoHeight];
  sheet.getContext("2d").drawImage(camera, 0, 0);
  sheet.toBlob((blob) => { stop(); hand(blob); }, "image/jpeg", 0.95);
}

$("[data-do=open]").addEventListener("click", () => hand(null));
$(".empty").addEventListener("click", () => hand(null));
$("[data-do=camera]").addEventListener("click", () => (camera.hidden ? start() : stop()));
$(".shoot").addEventListener("click", shoot);
element.addEventListener("keydown", (event) => { if (event.key === "Escape" && !camera.hidden) stop(); });
onDrop(element, ([dropped]) => { if (dropped) hand(dropped); });
new ResizeObserver(() => { if (!element.offsetParent && !camera.hidden) stop(); }).observe(frame); // another tab
watch(["value", "turn", "first", "own"], show);
show();
