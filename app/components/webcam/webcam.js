// A webcam that drives a film. `value` is the latest picture.
//
// Props: `turn`, which changes when the last picture was used, and `side`, the most pixels of a side. Events:
// `input` with each picture, `submit` when the camera is switched off.

const $ = (selector) => element.querySelector(selector);
const [camera, button] = [$(".camera"), $(".switch")];
const sheet = document.createElement("canvas");
const say = (words) => { $(".say").textContent = words; };
let stream = null;

function send() {
  if (!stream || !camera.videoWidth) return;
  const scale = Math.min(1, props.side / Math.max(camera.videoWidth, camera.videoHeight));
  [sheet.width, sheet.height] = [camera.videoWidth * scale, camera.videoHeight * scale].map(Math.round);
  sheet.getContext("2d").drawImage(camera, 0, 0, sheet.width, sheet.height);
  props.value = sheet.toDataURL("image/jpeg", 0.85);
  trigger("input");
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
  trigger("submit");
}

button.addEventListener("click", () => (stream ? stop() : start()));
window.addEventListener("cgan:camera-off", stop);
watch("turn", () => { if (stream) requestAnimationFrame(send); });
// On another tab, or without a model for it, it is not on.
new IntersectionObserver(([{ isIntersecting }]) => { if (!isIntersecting && !element.offsetParent) stop(); }).observe(element);
