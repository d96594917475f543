// How many variations to show, from 1 to 8. `value` is a whole number. Event: `input`.

const MOST = 8;

function show() {
  element.querySelector("output").textContent = props.value === 1 ? "1 look" : `${props.value} looks`;
  element.querySelector("[data-step='-1']").disabled = props.value <= 1;
  element.querySelector("[data-step='1']").disabled = props.value >= MOST;
}
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button) return;
  props.value = Math.min(MOST, Math.max(1, props.value + Number(button.dataset.step)));
  show();
  trigger("input");
});
watch("value", show);
show();
