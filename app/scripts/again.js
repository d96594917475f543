// What a model had in this page comes back when the model is chosen again.

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Watch `props.turn`, the model that is chosen: where another one comes, `props.value` is what that one had before,
 * once it was here; then `restored` is called. Else it is what Python sends. Call what this gives at each new value.
 */
export function comesBack(restored) {
  const had = new Map();
  let [known, due] = ["", 0];

  function settle() {
    due = 0;
    const back = props.turn !== known && had.has(props.turn) && !same(had.get(props.turn), props.value);
    known = props.turn;
    if (back) props.value = had.get(known);
    if (known) had.set(known, props.value);
    if (back) restored();
  }

  // Python's values come one by one, a moment each: all of them are waited for.
  const note = () => { due ||= setTimeout(settle); };
  watch(["value", "turn"], note);
  note();
  return note;
}
