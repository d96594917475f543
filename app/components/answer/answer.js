// Words about a form that was sent. `value` is {asked: [its values] or null, words, wrong}: they are seen while the form, of
// which "cgan:form" tells, says what was asked.

const line = element.querySelector(".answer");
let now = null; // what the form says, once it changed

const key = (values) => JSON.stringify(values.map((value) => String(value ?? "").trim()));

function show() {
  const { asked, words = "", wrong = false } = props.value || {};
  line.hidden = !words || Boolean(asked && now !== null && now !== key(asked));
  line.textContent = words;
  line.classList.toggle("wrong", wrong);
  if (!line.hidden) line.scrollIntoView({ block: "nearest" }); // on a phone it is below the button, and below the window
}

function changed({ detail: values }) {
  if (!element.isConnected) return window.removeEventListener("cgan:form", changed);
  now = key(values);
  show();
}

window.addEventListener("cgan:form", changed);
watch("value", show);
show();
