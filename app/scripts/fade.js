// A strip that goes on beyond its edge is pale there.

/** Mark `strip`, which scrolls sideways, with the classes "before" and "beyond" where there is more. */
export function fade(strip) {
  const look = () => {
    strip.classList.toggle("before", strip.scrollLeft > 2);
    strip.classList.toggle("beyond", strip.scrollLeft + strip.clientWidth < strip.scrollWidth - 2);
  };
  strip.addEventListener("scroll", look, { passive: true });
  strip.addEventListener("load", look, { capture: true }); // of its pictures
  new ResizeObserver(look).observe(strip);
  new MutationObserver(look).observe(strip, { childList: true });
  strip.classList.add("fading");
}
