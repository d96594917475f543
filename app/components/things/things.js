// Looks of single things on the map. `value` is [[row, column, look], …], one for each thing that was clicked.
// Prop: `looks`, how many there are to choose from; without any, nothing shows. Event: `input` for a new look.

const box = element.querySelector(".things");
const words = element.querySelector(".words");
const label = element.querySelector("label");
const slider = element.querySelector("input");
const clear = element.querySelector(".clear");
let at = -1; // the thing that the slider belongs to
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
  element.querySelector("output").value = `${things[at][2] + 1} of ${props.looks}`;
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
  at = things.length;
  remember();
  hand([...things, [row, column, props.looks - 1]]);
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
watch(["value", "looks"], show);
show();
