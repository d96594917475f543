// What a model had in this page comes back when the model is chosen again.

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Watch `props.turn`, the model that is chosen: where another one comes, `props.value` is what that one had before,
 * once it was here; then `restored` is called. Else it is what Python sends. Where that is what the other had, so that
 * no change is told, `stayed` is called. Call what this gives at each new value.
 */
export function comesBack(restored, stayed = () => {}) {
  const had = new Map();
  let [known, due] = ["", 0];

  function settle() {
    due = 0;
    const other = props.turn !== known;
    const back = other && had.has(props.turn) && !same(had.get(props.turn), props.value);
    const before = known && had.get(known);
    known = props.turn;
    if (back) props.value = had.get(known);
    if (known) had.set(known, props.value);
    if (back) restored();
    if (other && before && same(before, props.value)) stayed();
  }

  // Python's values come one by one, a moment each: all of them are waited for.
  const note = () => { due ||= setTimeout(settle); };
  watch(["value", "turn"], note);
  note();
  return note;
}
