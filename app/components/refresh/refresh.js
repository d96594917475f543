// A button that looks for new checkpoints. Event: `click`.

element.querySelector("button").addEventListener("click", () => trigger("click"));
