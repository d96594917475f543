// A word while something is being made: a thin line alone is easily overlooked.

const SOON = 500; // milliseconds that need no word

/** Keep `words(box)` in `line` while the answer for this component is on its way, from `after` milliseconds on. */
export function whileWorking(line, words, after = SOON) {
  const box = element.closest(".block") ?? element;
  let waiting = 0;

  function tell() {
    const text = words(box);
    if (line.textContent !== text) line.textContent = text; // what is written again is read out again
    waiting = setTimeout(tell, SOON);
  }

  new MutationObserver(() => {
    const busy = Boolean(box.querySelector(".pending"));
    if (busy === Boolean(waiting)) return;
    clearTimeout(waiting);
    waiting = busy ? setTimeout(tell, after) : 0;
    if (!busy) line.textContent = "";
  }).observe(box, { attributes: true, attributeFilter: ["class"], subtree: true });
}
