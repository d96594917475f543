// Looks of single things on the map. `value` is [[row, column, look], …], one for each thing that was clicked.
// Props: `looks`, how many there are to choose from (without any, nothing shows), and `thing`, one that joins them.
// Events: `input` for a new look, `select` with {row, column} for a thing that was clicked and has none yet.

const box = element.querySelector(".things");
const words = element.querySelector(".words");
const label = element.querySelector("label");
const slider = element.querySelector("input");
const clear = element.querySelector(".clear");
let at = -1; // the thing that the slider belongs to
let asked = ""; // the thing that was clicked, until its look comes
let sliding = false; // the slider is on its way: all of it is one step to undo

function show() {
  const things = props.value || [];
  if (at >= things.length) at = things.length - 1;
  window.dispatchEvent(new CustomEvent("cgan:things", { detail: { all: things, at } })); // for the canvas
  box.hidden = !props.looks;
  words.hidden = things.length > 0;
  label.hidden = clear.hidden = !things.length;
  if (at < 0) return;
  slider.max = props.looks - 1;
  slider.value = things[at][2];
  slider.style.background = dots();
  slider.ariaValueText = element.querySelector("output").value = `look ${things[at][2] + 1} of ${props.looks}`;
}

const place = (look) => `calc(8px + (100% - 16px) * ${look / Math.max(1, props.looks - 1)})`;
const dot = (_, look) => `radial-gradient(circle at ${place(look)} 50%, var(--quiet) 2.5px, transparent 3px)`;

/** A dot for each look: it is a choice, not a strength. */
function dots() {
  return Array.from({ length: props.looks }, dot).join();
}

/** The painter is told first: it keeps what there was, so that it can be undone. */
const remember = () => window.dispatchEvent(new CustomEvent("cgan:before-things"));

function hand(things) {
  props.value = things;
  show();
  trigger("input");
}

function clicked({ detail: { row, column, inside } }) {
  if (!element.isConnected) return window.removeEventListener("cgan:thing", clicked);
  if (!props.looks) return;
  const things = [...(props.value || [])];
  at = things.findIndex(([r, c]) => inside(r, c));
  if (at >= 0) return show();
  asked = `${row} ${column}`;
  trigger("select", { row, column });
}

function join() {
  const [row, column, look] = props.thing;
  if (asked !== `${row} ${column}`) return;
  asked = "";
  const things = props.value || [];
  at = things.length;
  remember();
  hand([...things, [row, column, look]]);
}

// Looks that were another map's go; so do those that this model has not got.
function forget({ detail: { came } }) {
  if (!element.isConnected) return window.removeEventListener("cgan:map", forget);
  if (came === "found" && props.value?.length) { props.value = []; show(); }
}

/** Looks of before, from the painter. */
function restored({ detail }) {
  if (!element.isConnected) return window.removeEventListener("cgan:restyle", restored);
  if (!props.looks) return;
  at = detail.length - 1;
  hand(detail);
}

window.addEventListener("cgan:thing", clicked);
window.addEventListener("cgan:map", forget);
window.addEventListener("cgan:restyle", restored);
slider.addEventListener("change", () => { sliding = false; });
slider.addEventListener("input", () => {
  if (!sliding) remember();
  sliding = true;
  hand((props.value || []).map((thing, i) => (i === at ? [thing[0], thing[1], Number(slider.value)] : thing)));
});
clear.addEventListener("click", () => { at = -1; remember(); hand([]); });
watch("thing", join);
watch(["value", "looks"], show);
show();
