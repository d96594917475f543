// One of several names. Props: `choices`, `named` (what it is called), `titled` (whether that is shown); `value` is
// the chosen one. Event: `input`.

const [list, title] = [element.querySelector("select"), element.querySelector("span")];
let pointed = false; // the list was opened with the mouse or a finger

function show() {
  if (!props.choices) { // of a list that was hidden, they may come after it
    setTimeout(show, 50);
    return;
  }
  list.replaceChildren(...props.choices.map((name) => new Option(name, name)));
  list.value = props.value ?? "";
  list.ariaLabel = title.textContent = props.named;
  title.hidden = !props.titled;
}

list.addEventListener("change", () => {
  props.value = list.value;
  trigger("input");
  if (pointed) list.blur(); // the keys belong to the canvas again
});
list.addEventListener("pointerdown", () => { pointed = true; });
list.addEventListener("keydown", () => { pointed = false; });
watch(["choices", "value", "named", "titled"], show);
show();
