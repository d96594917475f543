// A picture whose light and colours the painting takes over. `value` is a data URI, or "" for none.
//
// Only the look counts, so the picture is made small before it is sent. Props: `side`, the longest in pixels, `limit` (bytes).

const file = element.querySelector("input");
const thumb = element.querySelector("img");

function show() {
  const there = Boolean(props.value);
  if (there) thumb.src = props.value;
  thumb.hidden = !there;
  element.querySelector(".clear").hidden = !there;
  element.querySelector(".look").classList.toggle("set", there);
}

function hand(uri) {
  props.value = uri;
  show();
  trigger("input");
}

async function read(chosen) {
  if (chosen) hand(await shrink(chosen, props.side, props.limit));
}

element.querySelector(".pick").addEventListener("click", () => file.click());
element.querySelector(".clear").addEventListener("click", () => hand(""));
file.addEventListener("change", () => { read(file.files[0]); file.value = ""; });
element.addEventListener("dragover", (event) => event.preventDefault());
element.addEventListener("drop", (event) => { event.preventDefault(); read(event.dataTransfer.files[0]); });
window.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
  if (pasted && element.offsetParent) read(pasted);
});
watch("value", show);
show();
