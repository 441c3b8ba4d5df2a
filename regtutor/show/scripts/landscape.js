// A landscape of losses: a picture slid over another, its place on every curve, and free fall.
// Of the switches the first counts for most: read as a binary number they are the place of a state.

const LAND_STYLE = `
.rt-land .land { display: flex; flex-wrap: wrap; gap: .4em 1.2em; align-items: flex-start; }
.rt-land .over { flex: 1 1 280px; max-width: 420px; margin: 0; }
.rt-land .over canvas { width: 100%; height: auto; cursor: ew-resize;
  touch-action: pan-y pinch-zoom; }
.rt-land .hills { flex: 2 1 300px; display: grid; gap: .5em .8em;
  grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); }
.rt-land .hills figure { margin: 0; min-width: 0; }
.rt-land .hills svg { display: block; width: 100%; cursor: ew-resize; touch-action: pan-y;
  fill: currentColor; font-size: 14px; font-variant-numeric: tabular-nums; }
.rt-land .hills figcaption { display: flex; flex-wrap: wrap; justify-content: space-between;
  align-items: baseline; margin: 0; }
.rt-land .land button { font-size: .85em; white-space: nowrap; }
.rt-land .row label:has([type=range]) { flex: 1 1 260px; max-width: 640px; }
.rt-land .row [type=range] { flex: 1; min-width: 0; }
.rt-land .said { min-height: 2.8em; margin: .3em 0; max-width: 60em; }
@media (max-width: 480px) {
  .rt-land .over { flex-basis: 100%; }
  .rt-land .over canvas { width: auto; max-height: 30vh; margin: auto; }
  .rt-land .hills { grid-template-columns: repeat(3, 1fr); gap: .2em .4em; }
  .rt-land .hills svg { font-size: 21px; } .rt-land .said { min-height: 5.6em; }
}`;

const LEFT = 46, RIGHT = 254, TOP = 8, BOTTOM = 120, FLAT = 1e-4;

function mount(root, data) {
  const loading = Promise.all([unpack(data.images), unpack(data.labels)]);
  return framed(root, data.alt, loading, (box, loaded) => start(box, loaded, data));
}

function start(box, [images, labels], data) {
  const { title, spacing, unit, shifts, states, switches } = data;
  const [, rows, columns] = data.images.shape, n = rows * columns;
  const { low, high } = data.images, names = Object.keys(states[0].curves);
  const image = (k) => images.subarray(k * n, (k + 1) * n).map((v) => (v - low) / (high - low));
  const planes = Array.from({ length: data.images.shape[0] }, (_, k) => image(k));
  const [there, here] = [0, 1].map((k) =>
    contour(labels.subarray(k * n, (k + 1) * n), rows, columns, 0.5));
  const seen = plate({ rows, columns, spacing }, 420, { role: "img" });
  const said = make("p", { class: "said", role: "status" });
  const caption = make("figcaption", {}, "Fixed orange, moving blue, grey where they agree. Drag.");
  const top = make("div", { class: "row" }), way = make("div", { class: "row" });
  const hills = make("div", { class: "hills" });
  let timer = null, fell = null;

  const boxes = Object.values(switches).map((words) => tick(top, words, false, () => rest(show)));
  const began = Math.round(0.8 * (shifts.length - 1));
  const input = slider(way, "Shift", { max: shifts.length - 1, value: began },
    () => rest(show), (at) => `${shifts[at]} voxels`);
  const all = names.map((name) => {
    const press = button(hills, "", () => fall(name)), words = make("span");
    press.append("let it fall");
    press.setAttribute("aria-label", `${name}: let it fall`);
    const figure = make("figure", {}, make("figcaption", {}, words, press));
    hills.append(figure);
    return { name, words, figure };
  });
  const state = () => states[boxes.reduce((sum, { checked }) => 2 * sum + Number(checked), 0)];
  const at = () => Number(input.value);

  /** The hand takes over: what falls is stopped, and what it said is forgotten. */
  function rest(then) {
    clearInterval(timer);
    timer = fell = null;
    then();
  }
  function show() {
    const { pair, curves, reach } = state(), shift = shifts[at()];
    const [fixed, moving] = pair.map((k) => planes[k]);
    seen.paint((place) => {
      const column = place % columns, from = Math.min(Math.max(column - shift, 0), columns - 1);
      const a = fixed[place], b = moving[place - column + from];
      return [ORANGE[0] * a + BLUE[0] * b, ORANGE[1] * a + BLUE[1] * b, ORANGE[2] * a + BLUE[2] * b];
    });
    seen.lines(there, ORANGE, 2);
    seen.lines(here.map(([r, c, s, d]) => [r, c + shift, s, d + shift]), BLUE, 2);
    all.forEach(({ name, words, figure }, k) => {
      words.textContent = `${name} ${number(curves[name][at()])}`;
      figure.querySelector("svg")?.remove();
      figure.append(hill(shifts, curves[name], reach[k], at()));
    });
    said.setAttribute("aria-live", timer ? "off" : "polite");
    said.textContent = fell ?? sentence();
    seen.canvas.setAttribute("aria-label",
      `The moving image ${shift} voxels to the right of where it belongs`);
  }
  const far = (to) => {
    const off = Math.abs(shifts[to] * spacing[1]);
    return off < 1e-9 ? "the truth" : `${number(off)} ${unit} off`;
  };
  /** What each loss would do from here. */
  function sentence() {
    const { curves } = state(), ends = names.map((name) => [name, bottom(curves[name], at())]);
    const some = (test) => ends.filter(test).map(([name]) => name).join(", ");
    const home = some(([, to]) => shifts[to] === 0 && to !== at());
    const still = some(([, to]) => to === at());
    const lost = ends.filter(([, to]) => to !== at() && shifts[to] !== 0);
    const parts = [`${shifts[at()]} voxels, ${far(at())}. Downhill from here:`,
      home && ` to the truth by ${home};`, still && ` nowhere by ${still};`,
      ...lost.map(([name, to]) => ` to ${shifts[to]} by ${name};`)];
    return parts.filter(Boolean).join("").replace(/[;:]$/, ".");
  }
  function fall(name) {
    rest(() => {});
    const curve = state().curves[name], to = bottom(curve, at()), from = at();
    const step = Math.sign(to - from), quick = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const last = to !== from ? `${name} falls from ${shifts[from]} to ${shifts[to]}: ${far(to)}.`
      : `${name} stays at ${shifts[to]}: ${far(to)}.` +
        (shifts[to] ? " From here it does not lead anywhere." : "");
    const end = () => {
      clearInterval(timer);
      timer = null;
      fell = last;
      show();
    };
    const move = (place) => {
      input.value = place;
      input.setAttribute("aria-valuetext", `${shifts[place]} voxels`);
      input.nextElementSibling.textContent = `${shifts[place]} voxels`;
    };
    if (quick || from === to) {
      move(to);
      return end();
    }
    timer = setInterval(() => {
      move(at() + step);
      if (at() === to) end();
      else show();
    }, 40);
    return null;
  }
  const nearest = (shift) => {
    const apart = shifts.map((one) => Math.abs(one - shift));
    return apart.indexOf(Math.min(...apart));
  };
  drag(seen.canvas, () => shifts[at()], (began, across) =>
    input.set(nearest(began + across * columns)));
  drag(hills, ({ x, within }) => share(x, within), (began, across, { x, within }) =>
    input.set(Math.round(share(x, within) * (shifts.length - 1))), "svg");

  box.classList.add("rt-land");
  box.append(make("style", {}, LAND_STYLE), make("strong", {}, title), top, way, said,
    make("div", { class: "land" }, make("figure", { class: "over" }, seen.canvas, caption), hills));
  show();
  return () => clearInterval(timer);
}

const share = (x, { left, width }) => {
  const along = (x - left) / width * 260;
  return Math.min(1, Math.max(0, (along - LEFT) / (RIGHT - LEFT)));
};

/** A drag sideways: `begin` gives what to keep; `move(kept, share of the width, where)`. */
function drag(element, begin, move, inside) {
  let kept = null, from = 0, within = null;
  element.addEventListener("pointerdown", (event) => {
    const target = inside ? event.target.closest(inside) : element;
    if (!target || event.button) return;
    within = target.getBoundingClientRect();
    from = event.clientX;
    kept = begin({ x: from, within });
    element.setPointerCapture(event.pointerId);
    if (inside) move(kept, 0, { x: from, within });
  });
  element.addEventListener("pointermove", (event) => {
    if (!within) return;
    move(kept, (event.clientX - from) / within.width, { x: event.clientX, within });
  });
  element.addEventListener("lostpointercapture", () => { within = null; });
}

/** Where a walk downhill ends, one place at a time: `_bottom` in profiles.py. */
function bottom(curve, at) {
  const step = FLAT * (Math.max(...curve) - Math.min(...curve));
  for (;;) {
    const beside = [at - 1, at + 1].filter((k) => k >= 0 && k < curve.length);
    const best = beside.reduce((a, b) => (curve[b] < curve[a] ? b : a));
    if (curve[best] >= curve[at] - step) return at;
    at = best;
  }
}

/** A curve over the shift, its capture range, and the place on it. */
function hill(shifts, curve, reach, at) {
  const least = Math.min(...curve), most = Math.max(...curve), tall = most - least || 1;
  const x = (shift) => LEFT + (shift - shifts[0]) / (shifts.at(-1) - shifts[0]) * (RIGHT - LEFT);
  const y = (value) => BOTTOM - (value - least) / tall * (BOTTOM - TOP);
  const svg = shape("svg", { viewBox: "0 0 260 142", "aria-hidden": "true" });
  if (reach) {
    const [from, to] = reach.map(x);
    svg.append(shape("rect", { x: from, y: TOP, width: to - from, height: BOTTOM - TOP,
      fill: `rgb(${ORANGE})`, opacity: 0.25, class: "reach" }));
  }
  const text = (a, b, anchor, words) => shape("text", { x: a, y: b, "text-anchor": anchor }, words);
  for (const value of ticks(least, most).filter((_, k, { length }) => k % (length - 1 || 1) === 0)) {
    svg.append(line(LEFT - 4, y(value), LEFT, y(value)), text(LEFT - 6, y(value) + 5, "end", value));
  }
  for (const value of [shifts[0], 0, shifts.at(-1)]) {
    const anchor = value === 0 ? "middle" : value < 0 ? "start" : "end";
    svg.append(text(x(value), BOTTOM + 19, anchor, value));
  }
  const along = points(shifts.map((shift, k) => [x(shift), y(curve[k])]));
  svg.append(line(x(0), TOP, x(0), BOTTOM, { "stroke-dasharray": "2 4" }),
    line(LEFT, TOP, LEFT, BOTTOM), line(LEFT, BOTTOM, RIGHT, BOTTOM),
    shape("polyline", { points: along, fill: "none", stroke: `rgb(${BLUE})`, "stroke-width": 2.5 }),
    shape("circle", { cx: x(shifts[at]), cy: y(curve[at]), r: 7, fill: `rgb(${BLUE})`,
      stroke: "#fff", "stroke-width": 2 }));
  return svg;
}
