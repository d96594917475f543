// A word while something is being made: a thin line alone is easily overlooked.

const SOON = 500; // milliseconds that need no word

/** Write `words()` into `line` while the answer for this component is on its way, from `after` milliseconds on. */
export function whileWorking(line, words, after = SOON) {
  const box = element.closest(".block") ?? element;
  let waiting = 0;
  new MutationObserver(() => {
    const busy = Boolean(box.querySelector(".pending"));
    if (busy === Boolean(waiting)) return;
    clearTimeout(waiting);
    waiting = busy ? setTimeout(() => { line.textContent = words(); }, after) : 0;
    if (!busy) line.textContent = "";
  }).observe(box, { attributes: true, attributeFilter: ["class"], subtree: true });
}
