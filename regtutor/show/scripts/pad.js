// The field pad: drag the picture; the field is written down, drawn and judged at once.

const PAD_STYLE = `
.rt-pad .pad { display: flex; flex-wrap: wrap; gap: .3em 1.2em; align-items: flex-start; }
.rt-pad .pad > * { flex: 1 1 300px; max-width: 460px; min-width: 0; }
.rt-pad .two { display: flex; gap: .6em; }
.rt-pad .pad figure { margin: 0; }
.rt-pad .two figure { flex: 1 1 0; min-width: 0; }
.rt-pad .pad canvas { width: 100%; height: auto; box-shadow: 0 0 0 1px #8888; }
.rt-pad .hand { touch-action: pinch-zoom; cursor: crosshair; user-select: none; }
@media (max-width: 480px) {
  .rt-pad .pad .hand { width: auto; max-height: 46vh; margin: auto; } /* the score stays in sight */
}
.rt-pad figcaption { font-size: .85em; line-height: 1.3; margin: .2em 0; }
.rt-pad table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.rt-pad th, .rt-pad td { text-align: left; font-weight: normal; padding: 0 .5em 0 0; }
.rt-pad td:nth-child(2) { font-weight: bold; }
.rt-pad .said { min-height: 2.8em; margin: .3em 0; max-width: 60em; }`;

const SEEN = ["both", "warped", "fixed"];
const CAPTION = "Drag: warped (blue) onto fixed (orange). The field (white line) pulls: it runs "
  + "against your push, to where a voxel is read.";
const START = "Drag the picture until blue meets orange. The field that you so make says for each "
  + "voxel where in the moving image to read it.";
const FOLDED = " Black: there the field folds. A push that is long for its brush does that: undo "
  + "it, take a larger brush, or push in small steps.";

function mount(root, data, model) {
  return framed(root, data.alt, load(data), (box, scene) => start(box, scene, data, model));
}

/** The pictures as planes of 0 to 1; labels channel by channel, those of the fixed image first. */
async function load({ size: [rows, columns], fixed, moving, labels, ...rest }) {
  const light = async (packed) =>
    (await unpack(packed)).map((v) => (v - packed.low) / (packed.high - packed.low));
  const n = rows * columns, channels = async (packed) => {
    const all = await unpack(packed);
    return Array.from({ length: all.length / n }, (_, k) => all.subarray(k * n, (k + 1) * n));
  };
  return { ...rest, rows, columns, fixed: await light(fixed), moving: await light(moving),
    labels: await Promise.all(labels.map(channels)) };
}

const floats = ({ buffer, byteOffset, byteLength }) =>
  new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));

function start(box, scene, data, model) {
  const { rows, columns } = scene, zero = new Float32Array(2 * rows * columns), past = [];
  const code = atob(data.field || "");
  let field = model ? floats(model.get("field"))
    : code ? floats(Uint8Array.from(code, (letter) => letter.charCodeAt(0))) : zero;
  let stroke = null, cross = null, due = 0, mode = SEEN[0], dots = false;
  const art = easel(scene), table = board(judge(zero, scene), scene.unit);
  const said = make("p", { class: "said", role: "status" });

  function draw() {
    cancelAnimationFrame(due);
    due = 0;
    follow();
    const found = judge(field, scene);
    table.say(found);
    art.draw(field, found, { cross, mode, dots, radius: Number(brush.value) });
    said.setAttribute("aria-live", stroke ? "off" : "polite"); // it would never stop talking
    said.textContent = sentence(cross, field, scene) + (found.folded ? FOLDED : "");
  }
  const ask = () => { due ||= requestAnimationFrame(draw); };
  /** The field as far as the hand has come. One push is one bump; small steps are many. */
  function follow() {
    if (!stroke || stroke.done === cross) return;
    const radius = Number(brush.value);
    field = small.checked ? walk(field, scene, stroke.done, cross, radius)
      : push(stroke.base, scene, stroke.from, cross, radius);
    stroke.done = cross;
  }
  const send = () => {
    if (!model) return;
    model.set("field", new DataView(field.slice().buffer));
    model.save_changes();
  };
  const become = (next) => {
    past.push(field);
    field = next;
    ask();
  };
  const end = () => {
    follow();
    if (stroke && field !== stroke.base) {
      past.push(stroke.base);
      send();
    }
    stroke = null;
    ask();
  };
  const undo = () => {
    if (!past.length) return;
    field = past.pop();
    send();
    ask();
  };
  hand(art.seen.canvas, scene, {
    cross: () => cross || [rows / 2, columns / 2].map(Math.floor),
    begin(place) { cross = place; stroke = { from: place, done: place, base: field }; ask(); },
    move(place) { cross = place; ask(); },
    cancel() { if (stroke) field = stroke.base; stroke = null; ask(); },
    end, undo,
  });

  const tools = make("div", { class: "row" });
  const longest = Math.max(rows, columns);
  const brush = slider(tools, "Brush", { min: 3, max: Math.round(longest / 2),
    value: Math.round(longest / 5) }, ask, (radius) => `${radius} voxels`);
  const small = tick(tools, "push in small steps", false, ask);
  choice(tools, "Show", SEEN, mode, (name) => { mode = name; ask(); });
  if (scene.points.length) tick(tools, "landmarks", dots, (on) => { dots = on; ask(); });
  button(tools, "Undo", undo);
  button(tools, "Reset", () => { if (field.some(Boolean)) { become(zero); send(); } });
  box.classList.add("rt-pad");
  box.append(make("style", {}, PAD_STYLE), make("strong", {}, data.title),
    make("div", { class: "pad" }, named(art.seen, CAPTION),
      make("div", {}, make("div", { class: "two" },
        named(art.read, "Moving image: where each grid line is read"),
        named(art.area, "Area read: blue less, orange more, black folded")),
      table.table, tools)), said);
  draw();

  const take = () => {
    const given = floats(model.get("field"));
    if (given.some((value, at) => value !== field[at])) become(given);
  };
  if (model) model.on("change:field", take);
  return () => {
    cancelAnimationFrame(due);
    if (model) model.off("change:field", take);
  };
}

const named = ({ canvas }, words) => make("figure", {}, canvas, make("figcaption", {}, words));

/** What the field says under the cross, and why it points the other way. */
function sentence(cross, field, scene) {
  if (!cross) return START;
  const to = readAt(cross, field, scene), by = to.map((value, k) => value - cross[k]);
  const pair = (values, digits) => `(${values.map((v) => v.toFixed(digits)).join(", ")})`;
  const here = `Row ${cross[0].toFixed(0)}, column ${cross[1].toFixed(0)} is read `;
  if (Math.hypot(...by) < 0.05) return `${here}where it is. ${START}`;
  return `${here}at ${pair(to, 1)} of the moving image: the field there is ${pair(by, 1)} voxels.`;
}

/** Pointers and keys on a canvas as pushes: `begin`, `move`, `end`, with places in voxels. */
function hand(canvas, { rows, columns }, { cross, begin, move, end, cancel, undo }) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const on = (name, listener) => canvas.addEventListener(name, listener);
  const inside = ([r, c]) =>
    [Math.min(Math.max(r, 0), rows - 1), Math.min(Math.max(c, 0), columns - 1)];
  const place = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const share = [(clientY - top) / height, (clientX - left) / width];
    return inside([share[0] * rows - 0.5, share[1] * columns - 0.5]);
  };
  let finger = null, pushing = false; // by a pointer; by keys
  const letGo = () => {
    if (pushing) end();
    pushing = false;
  };
  on("pointerdown", (event) => {
    if (finger !== null || event.button) return;
    letGo();
    finger = event.pointerId;
    canvas.setPointerCapture(finger);
    begin(place(event));
  });
  on("pointermove", (event) => {
    if (!pushing && (finger === null || finger === event.pointerId)) move(place(event));
  });
  for (const [name, then] of [["pointerup", end], ["pointercancel", cancel]]) {
    on(name, (event) => {
      if (finger !== event.pointerId) return;
      finger = null;
      then();
    });
  }
  on("keydown", (event) => {
    const step = steps[event.key], back = event.key === "z" && (event.ctrlKey || event.metaKey);
    if (finger !== null || !(step || back)) return;
    event.preventDefault();
    if (!event.shiftKey) letGo();
    if (back) return undo();
    if (event.shiftKey && !pushing) begin(cross());
    pushing = event.shiftKey;
    move(inside(cross().map((value, k) => value + step[k])));
  });
  on("keyup", (event) => event.key === "Shift" && letGo());
  on("focus", () => finger === null && move(cross()));
  on("blur", letGo);
}

/** The three pictures: the one under the hand, the moving image with the grid, the map of area. */
function easel(scene) {
  const { rows, columns, fixed, moving, labels, points } = scene;
  const seen = plate(scene, 512, { class: "hand", tabindex: 0, role: "application", ...KEYS,
    "aria-label": "The picture to drag: arrows move the cross, shift and arrows push" });
  const read = plate(scene, 256, { role: "img", "aria-label": "Moving image with the grid" });
  const area = plate(scene, 256, { role: "img", "aria-label": "Map of the Jacobian determinant" });
  const rims = (all) => all.flatMap((label) => contour(label, rows, columns, 0.5));
  const rim = rims(labels[0] || []);
  const grey = (image) => (at) => [255 * image[at], 255 * image[at], 255 * image[at]];
  return { seen, read, area, draw(field, found, { cross, radius, mode, dots }) {
    const warped = pull(moving, field, scene);
    const mix = (k, at) => ORANGE[k] * fixed[at] + BLUE[k] * warped[at];
    const both = (at) => [mix(0, at), mix(1, at), mix(2, at)];
    seen.paint(mode === "both" ? both : grey(mode === "fixed" ? fixed : warped));
    seen.lines(rim, ORANGE, 3);
    seen.lines(rims(found.labels), BLUE, 2);
    read.paint(grey(moving));
    read.lines(gridLines(field, scene), ORANGE, 1.2);
    area.paint((at) => volumeColour(found.jacobian[at]));
    if (dots) {
      const ends = points[1].map((place) => shownAt(place, field, scene));
      seen.lines(ends.map((end, i) => [...points[0][i], ...end]), [255, 255, 255], 1.5);
      for (const [places, colour] of [[points[0], ORANGE], [ends, BLUE]]) {
        for (const [inner, thick] of [[[0, 0, 0], 5], [colour, 3]]) {
          for (const place of places) seen.ring(place, 0.4, inner, thick);
        }
      }
    }
    if (!cross) return;
    const to = readAt(cross, field, scene);
    for (const [colour, thick] of [[[0, 0, 0], 4], [[255, 255, 255], 2]]) {
      seen.lines([[...cross, ...to]], colour, thick);
      seen.ring(to, 0.8, colour, thick);
      seen.ring(cross, radius, colour, thick / 2);
      read.ring(to, 1.2, colour, thick);
    }
  } };
}
