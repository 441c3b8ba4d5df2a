// The sweep: a weight on a slider, what it does, what can be known of it; and, once a weight is
// chosen, the score that could not be known.

const SWEEP_STYLE = `
.rt-sweep .board { display: flex; flex-wrap: wrap; gap: .3em .8em; align-items: flex-start; }
.rt-sweep .board figure { flex: 1 1 170px; min-width: 0; max-width: 310px; margin: 0; }
.rt-sweep .board canvas { width: 100%; height: auto; box-shadow: 0 0 0 1px #8888; }
.rt-sweep .board svg { display: block; width: 100%; fill: currentColor; font-size: 15px;
  font-variant-numeric: tabular-nums; }
.rt-sweep figcaption { font-size: .85em; line-height: 1.3; margin: .2em 0; }
.rt-sweep .row label:has([type=range]) { flex: 1 1 260px; max-width: 560px; }
.rt-sweep .row [type=range] { flex: 1; min-width: 0; }
.rt-sweep .row output { min-width: 4.5em; }
.rt-sweep .cover { aspect-ratio: 260 / 150; border: 2px dashed #8888; border-radius: 6px;
  display: flex; align-items: center; justify-content: center; text-align: center; padding: .5em;
  box-sizing: border-box; }
.rt-sweep .said { min-height: 2.8em; margin: .3em 0; max-width: 60em; }
@media (max-width: 480px) {
  .rt-sweep .board figure { flex: 1 1 28%; } .rt-sweep .board { gap: .2em .5em; }
  .rt-sweep .board svg { font-size: 20px; } .rt-sweep .said { min-height: 5.6em; }
}`;

const LEFT = 58, RIGHT = 252, TOP = 10, BOTTOM = 122;

function mount(root, data) {
  const loading = Promise.all(["fixed", "moving", "warped", "area", "nodes"].map(
    (name) => unpack(data[name])));
  return framed(root, data.alt, loading, (box, loaded) => start(box, loaded, data));
}

function start(box, [fixed, moving, warped, area, nodes], data) {
  const { title, spacing, weights, curves, covered, nothing, every } = data;
  const [, rows, columns] = data.fixed.shape, n = rows * columns, { low, high } = data.fixed;
  const share = (value) => (value - low) / (high - low);
  const plane = { rows, columns, spacing };
  const over = drawn(plane, "Fixed orange, warped blue, grey where they agree");
  const grid = drawn(plane, "Moving image: where each grid line is read");
  const map = drawn(plane, "Area read: blue less, orange more, black folded");
  const known = Object.keys(curves).filter((name) => name !== covered);
  const charts = make("div", { class: "board" }), tools = make("div", { class: "row" });
  const said = make("p", { class: "said", role: "status" });
  const best = curves[covered].indexOf(Math.min(...curves[covered]));
  let chosen = null;

  const input = slider(tools, "λ", { max: weights.length - 1, value: 0 }, show, (at) => weights[at]);
  const press = button(tools, "I choose this λ", () => {
    if (chosen !== null) return;
    chosen = Number(input.value);
    press.disabled = true;
    press.textContent = `Chosen: λ = ${weights[chosen]}`;
    show();
  });
  box.classList.add("rt-sweep");
  box.append(make("style", {}, SWEEP_STYLE), make("strong", {}, title), tools, said,
    make("div", { class: "board" }, over.figure, grid.figure, map.figure), charts);

  function show() {
    const at = Number(input.value);
    over.paint((k) => {
      const a = share(fixed[k]), b = share(warped[at * n + k]);
      return ORANGE.map((value, channel) => value * a + BLUE[channel] * b);
    });
    grid.paint((k) => Array(3).fill(140 * share(moving[k])));
    grid.lines(gridLines(nodes, data.nodes.shape, at, every), ORANGE, 1.2);
    map.paint((k) => volumeColour(area[at * n + k]));
    charts.replaceChildren(...known.map((name) => hill(name, curves[name], at)), last(at));
    said.textContent = sentence(at);
  }
  function sentence(at) {
    const now = known.map((name) => `${name} ${short(curves[name][at])}`).join(", ");
    const here = `λ = ${weights[at]}: ${now}`;
    if (chosen === null) return `${here}. Which λ would you use? Landmarks are covered.`;
    const value = (k) => number(curves[covered][k]);
    return `${here}, ${covered} ${value(at)}. You chose ${weights[chosen]}: ${value(chosen)}; `
      + `${chosen === best ? "nothing in the sweep is better"
        : `the best, ${weights[best]}, has ${value(best)}`}; doing nothing ${number(nothing)}.`;
  }
  function last(at) {
    if (chosen !== null) return hill(covered, curves[covered], at, chosen);
    const words = make("div", { class: "cover" }, "Choose a λ, then this is uncovered.");
    return make("figure", {}, make("figcaption", {}, covered), words);
  }
  /** A curve over λ, a dot where the slider is, and a ring at what was chosen. */
  function hill(name, curve, at, ring = null) {
    const most = Math.max(...curve, ring === null ? 0 : nothing) || 1, count = weights.length;
    const x = (k) => LEFT + k / (count - 1) * (RIGHT - LEFT);
    const y = (value) => BOTTOM - value / most * (BOTTOM - TOP);
    const svg = shape("svg", { viewBox: "0 0 260 150", role: "img",
      "aria-label": `${name} over λ: ${curve.map((v, k) => `${weights[k]}: ${short(v)}`).join(", ")}` });
    const text = (a, b, anchor, words) => shape("text", { x: a, y: b, "text-anchor": anchor }, words);
    for (const value of ticks(0, most).filter((_, k, { length }) => k % (length - 1 || 1) === 0)) {
      svg.append(line(LEFT - 4, y(value), LEFT, y(value)), text(LEFT - 6, y(value) + 5, "end", value));
    }
    svg.append(text(LEFT, BOTTOM + 22, "middle", weights[0]),
      text(RIGHT, BOTTOM + 22, "end", weights.at(-1)), text(152, BOTTOM + 22, "middle", "λ"),
      line(LEFT, TOP, LEFT, BOTTOM), line(LEFT, BOTTOM, RIGHT, BOTTOM),
      shape("polyline", { points: points(curve.map((value, k) => [x(k), y(value)])), fill: "none",
        stroke: `rgb(${BLUE})`, "stroke-width": 2.5 }));
    if (ring !== null) {
      svg.append(line(LEFT, y(nothing), RIGHT, y(nothing), { "stroke-dasharray": "6 4" }),
        text(LEFT + 8, y(nothing) + 18, "start", "doing nothing"),
        shape("circle", { cx: x(ring), cy: y(curve[ring]), r: 11, fill: "none",
          stroke: `rgb(${ORANGE})`, "stroke-width": 3, class: "chosen" }));
    }
    svg.append(shape("circle", { cx: x(at), cy: y(curve[at]), r: 6, fill: `rgb(${BLUE})`,
      stroke: "#fff", "stroke-width": 2 }));
    const words = ring === null ? name : `${name}; ring: chosen`;
    return make("figure", {}, make("figcaption", {}, words), svg);
  }
  show();
}

/** Three digits, however small. */
const short = (value) => (Math.abs(value) >= 0.1 || value === 0 ? number(value)
  : String(Number(value.toPrecision(2))));

/** A canvas over its words. */
function drawn(plane, words) {
  const art = plate(plane, 320, { role: "img", "aria-label": words });
  return { ...art, figure: make("figure", {}, art.canvas, make("figcaption", {}, words)) };
}

/** Every third line through the nodes of field `at`: [row, column, row, column …]. */
function gridLines(nodes, [, rows, columns], at, every) {
  const n = rows * columns, from = 2 * at * n, all = [];
  const place = (r, c) => [0, n].map((part, k) =>
    every * [r, c][k] + nodes[from + part + r * columns + c]);
  const run = (count, there) => Array.from({ length: count }, (_, k) => there(k)).flat();
  for (let r = 0; r < rows; r += 3) all.push(run(columns, (c) => place(r, c)));
  for (let c = 0; c < columns; c += 3) all.push(run(rows, (r) => place(r, c)));
  return all;
}
