// The cliff: a shift chosen, its amount on a slider; an overlay for each method, and their curves.

const CLIFF_STYLE = `
.rt-cliff .board { display: flex; flex-wrap: wrap; gap: .3em .8em; align-items: flex-start; }
.rt-cliff .board figure { flex: 1 1 170px; min-width: 0; max-width: 290px; margin: 0; }
.rt-cliff .board .over { flex: 1 1 300px; max-width: 460px; }
.rt-cliff .board canvas { width: 100%; height: auto; box-shadow: 0 0 0 1px #8888; }
.rt-cliff .board svg { display: block; width: 100%; fill: currentColor; font-size: 13px;
  font-variant-numeric: tabular-nums; }
.rt-cliff .board figcaption { font-size: .85em; line-height: 1.3; margin: .2em 0; }
.rt-cliff .row label:has([type=range]) { flex: 1 1 260px; max-width: 480px; }
.rt-cliff .row [type=range] { flex: 1; min-width: 0; }
.rt-cliff .row output { min-width: 5em; }
.rt-cliff .said { min-height: 2.8em; margin: .3em 0; max-width: 60em; }
@media (max-width: 480px) {
  .rt-cliff .board figure { flex: 1 1 28%; } .rt-cliff .board { gap: .2em .5em; }
  .rt-cliff .board .over { flex: 1 1 100%; } .rt-cliff .said { min-height: 5.6em; }
}`;

const SIDE = [46, 352, 12, 168]; // of the chart: left, right, top, bottom
const LOOKS = [["currentColor", "6 4"], [`rgb(${BLUE})`, ""], [`rgb(${ORANGE})`, ""], ["#8c3a1f", ""]];

function mount(root, data) {
  return framed(root, data.alt, unpack(data.images), (box, images) => start(box, images, data));
}

function start(box, images, data) {
  const { title, spacing, methods, scores, shifts } = data, [, rows, columns] = data.images.shape;
  const n = rows * columns, { low, high } = data.images, plane = { rows, columns, spacing };
  const share = (place, k) => (images[place * n + k] - low) / (high - low);
  const seen = methods.map((_, m) => m < 2), over = methods.map(overlay);
  const tools = make("div", { class: "row" });
  const said = make("p", { class: "said", role: "status" });
  const boards = make("div", { class: "board" }, ...over.map((art) => art.figure));
  const chart = make("div", { class: "board" });
  let shift = shifts[0], input = null;

  choice(tools, "shift", shifts.map((one) => one.name), shift.name, (name) => {
    shift = shifts.find((one) => one.name === name);
    begin();
  });
  const amount = make("span", { style: "display:contents" });
  tools.append(amount);
  methods.forEach((name, m) => {
    if (m > 1) tick(tools, name, false, (on) => { seen[m] = on; show(); });
  });
  box.classList.add("rt-cliff");
  box.append(make("style", {}, CLIFF_STYLE), make("strong", {}, title), tools, said, boards, chart);

  function begin() {
    amount.replaceChildren();
    input = slider(amount, "amount", { max: shift.amounts.length - 1, value: 0 }, show,
      (at) => shift.amounts[at]);
    show();
  }
  function show() {
    const at = Number(input.value);
    over.forEach((art, m) => {
      art.figure.hidden = !seen[m];
      if (!seen[m]) return;
      const fixed = shift.fixed[at], warped = shift.warped[m][at];
      art.paint((k) => {
        const a = share(fixed, k), b = share(warped, k);
        return ORANGE.map((value, channel) => value * a + BLUE[channel] * b);
      });
      art.words.textContent = `${methods[m]}: ${told(m, at)}`;
    });
    chart.replaceChildren(curves(at));
    said.textContent = sentence(at);
  }
  function told(m, at) {
    return scores.map((name, s) => `${name} ${number(shift.values[m][s][at])}`).join(", ");
  }
  function sentence(at) {
    const shown = methods.map((name, m) => [name, m]).filter(([, m]) => seen[m]);
    const words = shown.map(([name, m]) => `${name} ${number(shift.values[m][0][at])}`).join(", ");
    const [nothing, frozen] = shift.values.map((values) => values[0][at]);
    const verdict = frozen >= nothing ? `: worse than ${methods[0]}.`
      : frozen > nothing / 2 ? ": more than half of the error is left." : ": more than half is gone.";
    return `${shift.name}, ${shift.amounts[at]}: ${scores[0]} ${words}. ${methods[1]}${verdict}`
      .replace(/(^|\. )[a-z]/g, (start) => start.toUpperCase());
  }
  function overlay(name) {
    const art = plate(plane, 300, { role: "img", "aria-label": `${name}: fixed orange, warped blue` });
    const words = make("figcaption", {});
    return { ...art, words, figure: make("figure", {}, art.canvas, words) };
  }
  /** The first score over the amounts: a line a method, a dot where the slider is. */
  function curves(at) {
    const [left, right, top, bottom] = SIDE, count = shift.amounts.length;
    const most = Math.max(...shift.values.flatMap((values) => values[0])) || 1;
    const x = (k) => left + k / (count - 1) * (right - left);
    const y = (value) => bottom - value / most * (bottom - top);
    const spoken = methods.map((name, m) => `${name} ${shift.values[m][0].map(number).join(", ")}`);
    const svg = shape("svg", { viewBox: "0 0 400 200", role: "img",
      "aria-label": `${scores[0]} over ${shift.name}: ${spoken.filter((_, m) => seen[m]).join("; ")}` });
    const text = (a, b, anchor, words) => shape("text", { x: a, y: b, "text-anchor": anchor }, words);
    for (const value of ticks(0, most)) {
      svg.append(line(left - 4, y(value), left, y(value)), text(left - 6, y(value) + 4, "end", value));
    }
    shift.amounts.forEach((words, k) => svg.append(text(x(k), bottom + 20, "middle", words)));
    svg.append(line(left, top, left, bottom), line(left, bottom, right, bottom));
    methods.forEach((name, m) => {
      if (!seen[m]) return;
      const [stroke, dash] = LOOKS[m], values = shift.values[m][0];
      svg.append(shape("polyline", { points: points(values.map((value, k) => [x(k), y(value)])),
        fill: "none", stroke, "stroke-width": 2.5, "stroke-dasharray": dash }),
      shape("circle", { cx: x(at), cy: y(values[at]), r: 6, fill: stroke, stroke: "#fff",
        "stroke-width": 2 }));
    });
    const dashed = `${scores[0]}; dashed: ${methods[0]}, blue: ${methods[1]}`;
    const others = methods.slice(2).filter((_, m) => seen[m + 2]).map((name) => `, orange: ${name}`);
    return make("figure", { class: "over" }, make("figcaption", {}, dashed + others.join("")), svg);
  }
  begin();
}
