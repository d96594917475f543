// Files that people open, drop or paste.

/** A file, or another blob -> data URI. */
export function asUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}

/** What to say of a file of more than `limit` bytes; "" of a smaller one. */
export function excess(file, limit) {
  if (file.size <= limit) return "";
  return `${file.name} is too large: at most ${Math.floor(limit / 2 ** 20)} MiB are allowed.`;
}

/** Take pictures that are pasted while `element` is on the screen. */
export function onPaste(take) {
  window.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (pasted && element.offsetParent) take(pasted);
  });
}

/** Take the file that is chosen with an `<input type="file">`. */
export function onChoice(input, take) {
  input.addEventListener("change", () => { take([...input.files]); input.value = ""; });
}

/** Take the files that are dropped on `target`. */
export function onDrop(target, take) {
  target.addEventListener("dragover", (event) => event.preventDefault());
  target.addEventListener("drop", (event) => { event.preventDefault(); take([...event.dataTransfer.files]); });
}
