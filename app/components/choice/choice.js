// One of a few, side by side. Props: `choices` [{value, label}]; `value` the chosen one. Event: `input`.

const group = element.querySelector(".choice");
const name = `choice-${Math.random().toString(36).slice(2)}`;

function show() {
  group.replaceChildren(...props.choices.map(({ value, label }) => {
    const option = document.createElement("label");
    const button = Object.assign(document.createElement("input"), { type: "radio", name, value });
    button.checked = value === props.value;
    button.addEventListener("change", () => { props.value = value; trigger("input"); });
    option.append(button, Object.assign(document.createElement("span"), { textContent: label }));
    return option;
  }));
  group.hidden = props.choices.length < 1;
  group.classList.toggle("alone", props.choices.length === 1);
}
watch("choices", show);
watch("value", () => {
  for (const button of group.querySelectorAll("input")) button.checked = button.value === props.value;
});
show();
