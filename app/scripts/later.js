// What Python sends reaches a page value by value, a moment each: whoever acts on one waits for all of them.

/** Tell, as `input`, of a value that came from Python. */
export const tellLater = () => setTimeout(() => trigger("input"));
