// A webcam that drives a film. `value` is the latest picture.
//
// Props: `turn`, which changes when the last picture was used, and `side`, the most pixels of a side. Events:
// `input` with each picture, `submit` when the camera is switched off.

import { sayIn } from "../../scripts/say.js";

const $ = (selector) => element.querySelector(selector);
const [camera, button] = [$(".camera"), $(".switch")];
const sheet = document.createElement("canvas");
const say = sayIn($(".say"));
const PATIENCE = 5000; // milliseconds for which the last picture's answer is waited for: errors have none
let stream = null;
let asked = false; // a picture is under way
let ending = null; // a timer: the camera is off, and the film ends with the answer to the last picture

function send() {
  if (!stream || !camera.videoWidth) return;
  const scale = Math.min(1, props.side / Math.max(camera.videoWidth, camera.videoHeight));
  [sheet.width, sheet.height] = [camera.videoWidth * scale, camera.videoHeight * scale].map(Math.round);
  sheet.getContext("2d").drawImage(camera, 0, 0, sheet.width, sheet.height);
  props.value = sheet.toDataURL("image/jpeg", 0.85);
  asked = true;
  trigger("input");
}

/** The film ends. Not beside a picture that is under way: of two answers at once, the page may keep the older. */
function end() {
  clearTimeout(ending);
  ending = null;
  asked = false;
  trigger("submit");
}

function told() {
  camera.hidden = !stream;
  button.ariaPressed = String(Boolean(stream));
  button.querySelector("span").textContent = stream ? "Stop the webcam" : "Use the webcam";
}

async function start() {
  if (!navigator.mediaDevices) return say("This browser lends a camera to pages on https or localhost only.");
  say("");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } });
  } catch {
    return say("There is no camera, or it may not be used.");
  }
  clearTimeout(ending); // on again at once: the film goes on
  ending = null;
  camera.srcObject = stream;
  await camera.play();
  told();
  send();
}

function stop() {
  if (!stream) return;
  for (const track of stream.getTracks()) track.stop();
  stream = camera.srcObject = null;
  told();
  if (asked) ending = setTimeout(end, PATIENCE);
  else end();
}

button.addEventListener("click", () => (stream ? stop() : start()));
window.addEventListener("cgan:camera-off", stop);
watch("turn", () => {
  asked = false;
  if (ending) requestAnimationFrame(end);
  else if (stream) requestAnimationFrame(send);
});
// On another tab, or without a model for it, it is not on.
new IntersectionObserver(([{ isIntersecting }]) => { if (!isIntersecting && !element.offsetParent) stop(); }).observe(element);
