// The viewer: two images, the states of one of them, and what can be asked of them at a voxel.
// How a slice is drawn stands in slice.js, how a place is read in space.js.

const MODES = {
  colour: "Orange: only the fixed image is bright. Blue: only the moved one. Grey: they agree.",
  blend: "The slider mixes the two. Push it to and fro: what jumps is not registered.",
  checkerboard: "Tiles of the two in turn, the fixed image's first. Look for edges that break.",
  swipe: "The fixed image left of the line, the moved one right of it.",
  difference: "Moved minus fixed. Grey: equal. White: the moved one is brighter. Black: darker.",
  [STILL]: "The moving image before any field: what grid and arrows point into.",
  Jacobian: "What becomes of volume. White: kept. Orange: it was larger in the moving image. "
    + "Blue: it was smaller. Black: the field folds here.",
};
const SLIDERS = { blend: "fixed to moved", swipe: "line" };
const MARKS = {
  grid: "Grid: the fixed image's lines, drawn where they are read in the moving image.",
  arrows: "Arrows: from a voxel to where it is read in the moving image.",
  labels: "Outlines: the fixed image's in orange, the other's in dashed blue.",
  landmarks: "Dots: a landmark of the fixed image in orange, its partner in the other in blue; "
    + "faint where off this slice.",
  crosshair: "",
};
const ALL = "all three", SIDE = 560; // pixels of the longest side
const VIEWER_STYLE = `
.rt-viewer .look { display: flex; flex-wrap: wrap; gap: .4em 1.2em; align-items: flex-start; }
.rt-viewer .planes { flex: 0 1 ${SIDE}px; min-width: min(100%, 320px); }
.rt-viewer .planes canvas { cursor: crosshair; }
.rt-viewer .all { display: grid; grid-template-columns: var(--columns); gap: 6px;
  max-width: var(--most); }
.rt-viewer .all canvas { width: 100%; }
.rt-viewer .panel { flex: 1 1 260px; min-width: 0; max-width: 36em; }
.rt-viewer .panel .row { gap: .2em .8em; }
.rt-viewer .said { display: block; min-height: 4.2em; margin: .3em 0; }
.rt-viewer .panel p { margin: .3em 0; font-size: .9em; }`;
const HINT = "Press in the picture: the crosshair follows. Arrow keys move it";

function mount(root, data) {
  return framed(root, data.alt, load(data), start);
}

/** The data with its pictures read. */
async function load(data) {
  const open = async (packed) => packed && { ...packed, values: await unpack(packed) };
  const all = (list) => list && Promise.all(list.map(open));
  const state = async (s) => ({ ...s, field: await all(s.field), warped: await open(s.warped) });
  return { ...data, fixed: await open(data.fixed), moving: await open(data.moving),
    labels: await Promise.all(data.labels.map(all)),
    states: await Promise.all(data.states.map(state)) };
}

/** What is at the voxel looked at, in words. */
function tell(pair, now) {
  const { dims, unit, size, spacing, window: [low, high] } = pair, state = pair.states[now.state];
  const step = (high - low) / 255, digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const list = (p, n) => p.slice(3 - dims).map((x) => x.toFixed(n)).join(", ");
  const mm = (p) => p.map((x, k) => x * spacing[k]), p = now.here, q = move(state.field, p);
  const value = (v) => v < low + step ? `≤ ${low.toFixed(digits)}`
    : v > high - step ? `≥ ${high.toFixed(digits)}` : v.toFixed(digits);
  const away = Math.hypot(...mm(q.map((x, k) => x - p[k])));
  const place = `Voxel ${list(p, 0)}${unit === "mm" ? ` at ${list(mm(p), 1)} mm` : ""}: `;
  const both = `fixed ${value(read(pair.fixed, p))}, moved ${value(moved(pair, state, p))}. `;
  if (!state.known) return place + both;
  return `${place}${both}It comes from ${list(q, 1)} in the moving image (white arrow), `
    + `${number(away)} ${unit} away. Volume × ${determinant(state.field, p, size).toFixed(2)}.`;
}

function start(box, pair) {
  const { states } = pair, last = states.length - 1, marks = new Set(["crosshair"]);
  if (pair.labels.length) marks.add("labels");
  if (pair.points.length) marks.add("landmarks");
  const now = { mode: "colour", mix: 0.5, state: last, cross: pair.start, here: pair.start,
    shown: pair.planes[pair.plane].name, marks };
  let queued = 0;
  const set = (change) => {
    Object.assign(now, change);
    queued ||= requestAnimationFrame(show);
  };
  const top = make("div", { class: "row" }), told = make("output", { class: "said told" });
  if (last) slider(top, "state", { max: last, value: last }, (n) => set({ state: n }),
    (n) => states[n].name);
  const { tools, mix, slices } = controls(pair, now, set), board = boardOf(pair);
  const planes = pair.planes.map((plane) => lookAt(pair, now, plane, set, mix));
  board.append(...planes.map(({ canvas }) => canvas));
  const said = make("output", { class: "said" }), legend = make("p");
  const panel = make("div", { class: "panel" }, tools, ticks(pair, marks, set), said, told, legend,
    make("p", {}, `${hint(pair)}.`)); // beside the picture, which no length of words may move
  box.classList.add("rt-viewer");
  box.append(make("style", {}, VIEWER_STYLE), make("strong", {}, pair.title), top,
    make("div", { class: "look" }, board, panel));
  function show() {
    queued = 0;
    const all = now.shown === ALL;
    const seen = (element, yes) => { element.style.display = yes ? "" : "none"; };
    board.classList.toggle("all", all);
    seen(mix.parentElement, now.mode === "blend" || now.mode === "swipe");
    for (const { name, axis, input } of slices) {
      seen(input.parentElement, all || name === now.shown);
      if (Number(input.value) !== now.cross[axis]) input.set(now.cross[axis]);
    }
    for (const plane of planes) {
      seen(plane.canvas, all || plane.name === now.shown);
      if (all || plane.name === now.shown) draw(pair, now, plane);
    }
    told.textContent = states[now.state].text;
    said.textContent = tell(pair, now);
    legend.textContent = [MODES[now.mode], ...[...marks].map((name) => MARKS[name])].join(" ");
  }
  show();
  return () => cancelAnimationFrame(queued);
}

/** What to show, and which slice of it. */
function controls(pair, now, set) {
  const tools = make("div", { class: "row" }), slices = [];
  choice(tools, "show", Object.keys(MODES), now.mode, (mode) => set({ mode }));
  const mix = slider(tools, "mix", { max: 100, value: 50 }, (n) => set({ mix: n / 100 }),
    (n) => `${n} %`);
  if (pair.dims < 3) return { tools, mix, slices };
  const names = [...pair.planes.map(({ name }) => name), ALL];
  choice(tools, "plane", names, now.shown, (shown) => set({ shown }));
  for (const { name, axis } of pair.planes) {
    const input = slider(tools, `${name} slice`.toLowerCase(),
      { max: pair.size[axis] - 1, value: now.cross[axis] }, (n) => {
        const cross = now.cross.map((x, k) => (k === axis ? n : x));
        set({ cross, here: cross });
      });
    slices.push({ name, axis, input });
  }
  return { tools, mix, slices };
}

/** What may lie over the picture. */
function ticks(pair, marks, set) {
  const row = make("div", { class: "row" });
  for (const name of Object.keys(MARKS)) {
    if (pair[name === "landmarks" ? "points" : name]?.length === 0) continue;
    tick(row, name, marks.has(name), (on) => {
      marks[on ? "add" : "delete"](name);
      set({ marks });
    });
  }
  return row;
}

const lengths = ({ size, spacing }) => size.map((n, k) => n * spacing[k]);
const hint = ({ dims }) => HINT + (dims < 3 ? "" : ", Page Up and Page Down change the slice");

/** Where the planes lie: one; or front and side above, from below under the front, to one scale. */
function boardOf(pair) {
  const [left, back, head] = lengths(pair);
  const most = SIDE * Math.min(1, (left + back) / (head + back));
  const columns = `minmax(0, ${left}fr) minmax(0, ${back}fr)`;
  return make("div", { class: "planes", style: `--columns: ${columns}; --most: ${most}px` });
}

/** A plane's canvas, and what hand and keys do on it. */
function lookAt(pair, now, { name, axis, across, along, up }, set, mix) {
  const { size, fixed: { shape } } = pair, mm = lengths(pair);
  const longest = Math.max(...mm.slice(3 - pair.dims));
  const side = (k) => Math.round(SIDE * mm[k] / longest);
  const inside = (p) => p.map((x, k) => Math.min(Math.max(Math.round(x), 0), size[k] - 1));
  let before = now.cross;
  const go = (k, by) => {
    const cross = inside(now.cross.map((x, a) => (a === k ? x + by : x)));
    set({ cross, here: cross });
  };
  const put = (event, press) => {
    const { left, top, width, height } = canvas.getBoundingClientRect(), p = [...now.cross];
    const x = (event.clientX - left) / width, y = (event.clientY - top) / height;
    p[across] = x * size[across] - 0.5;
    p[along] = (up ? 1 - y : y) * size[along] - 0.5;
    if (press && now.mode === "swipe") mix.set(100 * x);
    set(press ? { cross: inside(p), here: inside(p) } : { here: inside(p) });
  };
  const keys = { ArrowLeft: [across, -1], ArrowRight: [across, 1], ArrowUp: [along, up ? 1 : -1],
    ArrowDown: [along, up ? -1 : 1], PageUp: [axis, 1], PageDown: [axis, -1] };
  const canvas = make("canvas", {
    ...KEYS, tabindex: 0, role: "application", width: side(across), height: side(along),
    "aria-label": `${name}. ${hint(pair)}.`,
    onpointerdown(event) {
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      before = now.cross;
      put(event, true);
    },
    onpointercancel() { set({ cross: before, here: before }); }, // the finger scrolls the page
    onpointermove(event) {
      if (event.buttons || event.pointerType === "mouse") put(event, event.buttons > 0);
    },
    onpointerleave() { set({ here: now.cross }); },
    onkeydown(event) {
      if (!keys[event.key]) return;
      event.preventDefault();
      go(...keys[event.key]);
    },
    onwheel(event) {
      if (pair.dims < 3 || !canvas.matches(":focus")) return;
      event.preventDefault();
      go(axis, event.deltaY < 0 ? 1 : -1);
    },
  });
  const rows = shape[along], columns = shape[across];
  return { name, axis, across, along, up, rows, columns, canvas, context: canvas.getContext("2d"),
    sheet: make("canvas", { width: columns, height: rows }) };
}
