// Pictures to leaf through, one at a time; the slider says in words which one is seen.

function mount(root, { title, alt, label, frames }) {
  const box = frame(root, alt), row = make("div", { class: "row" }), count = frames.length;
  const picture = make("img", { style: "display: block; max-width: 100%; height: auto" });
  const input = slider(row, label, { min: 1, max: count, value: 1 }, show,
    (n) => `${n} of ${count}`);
  function show(n) {
    picture.src = `data:image/png;base64,${frames[n - 1].src}`;
    picture.alt = frames[n - 1].alt;
    input.setAttribute("aria-valuetext", `${n} of ${count}. ${picture.alt}`);
  }
  show(1);
  box.append(make("strong", {}, title), row, picture);
}
