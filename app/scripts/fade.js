// A strip that goes on beyond its edge is pale there.

/** Mark `strip`, which scrolls, with the classes "before" and "beyond" where there is more, "upright" where that is below. */
export function fade(strip) {
  const look = () => {
    const upright = strip.scrollHeight > strip.clientHeight + 2;
    const [at, seen, all] = upright
      ? [strip.scrollTop, strip.clientHeight, strip.scrollHeight]
      : [strip.scrollLeft, strip.clientWidth, strip.scrollWidth];
    strip.classList.toggle("upright", upright);
    strip.classList.toggle("before", at > 2);
    strip.classList.toggle("beyond", at + seen < all - 2);
  };
  strip.addEventListener("scroll", look, { passive: true });
  strip.addEventListener("load", look, { capture: true }); // of its pictures
  new ResizeObserver(look).observe(strip);
  new MutationObserver(look).observe(strip, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  strip.classList.add("fading");
}
