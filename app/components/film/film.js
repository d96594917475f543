// A film that is being made, frame by frame, or that is made and plays on a loop, beside the maps it is made of.
//
// `value`: see `__init__.py`. Event: `submit` when it is to stop.

import { whileWorking } from "../../scripts/working.js";

const TINY = 192; // pixels: up to that width a picture is shown as pixels
const $ = (selector) => element.querySelector(selector);
const [frame, picture, map] = [$(".frame"), $(".picture"), $(".map")];
const [video, input, sheet] = [$(".video"), $(".input"), $(".sheet")];

function source(part, uri) {
  part.hidden = !uri;
  if (uri && part.known !== uri) part.src = uri;
  if (!uri && part.known) part.removeAttribute("src");
  part.known = uri;
}

let seen = true; // on the left is the video that drives the film, where there is one, and not its maps

const shape = (width, height) => frame.style.setProperty("--aspect", width / height);

function show() {
  const value = props.value ?? {};
  const running = Boolean(value.frame);
  source(picture, value.frame);
  source(map, value.map);
  source(video, value.video);
  source(input, (seen && value.source) || value.input);
  $(".swap").hidden = !value.source;
  $(".swap").textContent = seen ? "Show the maps" : "Show the video";
  source(sheet, value.sheet);
  for (const half of element.querySelectorAll(".half")) half.hidden = Boolean(value.sheet);
  $(".empty").hidden = running || Boolean(value.video) || Boolean(value.sheet);
  $(".empty").textContent = value.hint ?? "The film appears here.";
  $(".bar").hidden = !running;
  $(".stop").hidden = Boolean(value.live); // the camera has a switch of its own
  if (running) far(value);
  saves(value);
  gifs(value.gifs ?? []);
}

const count = (number, word) => `${number} ${word}${Number(number) === 1 ? "" : "s"}`;

function far({ made, count: all, speed }) {
  const bar = $("progress");
  if (all) [bar.max, bar.value] = [all, made];
  else bar.removeAttribute("value");
  $(".far").textContent = `${made}${all ? ` of ${all}` : ""} · ${count(speed, "frame")} a second`;
}

function saves(value) {
  for (const button of element.querySelectorAll("[data-save]")) button.hidden = !value[button.dataset.save.split(" ")[0]];
  const [gif, coming] = [$("[data-save=gif]"), Boolean(value.video) && value.gif === undefined];
  [gif.hidden, gif.disabled] = [gif.hidden && !coming, coming]; // the film can be seen already
  gif.title = coming ? "The GIF is being made" : "Save the film as GIF";
  $(".saves").hidden = !value.video && !value.sheet;
  $(".loop").hidden = !value.video;
  const made = `${value.stopped ? "Stopped: " : ""}${count(value.made, "frame")} · ${value.rate} a second`;
  $(".made").textContent = value.rate ? `${made}${value.sound ? ` · ${value.sound}` : ""}` : ""; // no word of it half-way
}

function save(uri, name) {
  Object.assign(document.createElement("a"), { href: uri, download: name }).click();
}

function gifs(all) {
  $(".gifs").replaceChildren(...all.map(({ name, gif, large }) => {
    const made = document.createElement("button");
    const face = Object.assign(document.createElement("img"), { src: gif, alt: "" });
    Object.assign(made, { type: "button", className: "tile", title: `Save ${name} as GIF` });
    made.ariaLabel = `Save ${name} as GIF`;
    made.append(face, Object.assign(document.createElement("span"), { textContent: name }));
    made.addEventListener("click", () => save(large || gif, `${name.replaceAll(" ", "-")}.gif`));
    return made;
  }));
}

/** Save the sheet with four by four pixels for each: what shows it elsewhere may smooth small ones. */
function enlarged() {
  const paper = document.createElement("canvas");
  [paper.width, paper.height] = [4 * sheet.naturalWidth, 4 * sheet.naturalHeight];
  const pen = paper.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sheet, 0, 0, paper.width, paper.height);
  save(paper.toDataURL("image/png"), "sheet-large.png");
}

const names = { video: "film.mp4", both: "side-by-side.mp4", gif: "film.gif", sheet: "sheet.png" };
element.addEventListener("click", (event) => {
  const kind = event.target.closest("[data-save]")?.dataset.save;
  if (kind === "sheet ×4") return enlarged();
  const [value, other] = [props.value ?? {}, { gif: "large", both: seen ? "beside" : "both" }[kind]];
  const uri = value[other] || value[kind];
  if (uri) save(uri, names[kind]);
});
$(".loop").addEventListener("click", ({ currentTarget: button }) => {
  video.loop = input.loop = button.ariaPressed !== "true";
  button.ariaPressed = String(video.loop);
  if (video.loop && video.ended) video.play();
});
$(".swap").addEventListener("click", () => { seen = !seen; show(); });
$(".stop").addEventListener("click", () => trigger("submit"));
for (const part of [picture, map]) {
  part.addEventListener("load", () => {
    part.classList.toggle("tiny", part.naturalWidth <= TINY);
    shape(part.naturalWidth * 2, part.naturalHeight);
  });
}
sheet.addEventListener("load", () => {
  shape(sheet.naturalWidth, sheet.naturalHeight);
  frame.scrollIntoView({ block: "nearest", behavior: "smooth" }); // on a phone it is far above the button
});
video.addEventListener("loadedmetadata", () => shape(video.videoWidth * 2, video.videoHeight));
// The maps go with the film: they start when it starts and never drift far from it.
video.addEventListener("timeupdate", () => {
  if (Math.abs(input.currentTime - video.currentTime) > 0.12) input.currentTime = video.currentTime;
});
video.addEventListener("play", () => { input.play().catch(() => {}); });
video.addEventListener("pause", () => input.pause());
// Until its first frame is there. Gradio's own words, which are not shown, tell whether it waits in a line.
whileWorking($(".working"), (box) => (/queue: \d/.test(box.textContent)
  ? "Another film is being made: yours is next …" : "Making the film …"));
watch("value", show);
show();
