// The flow: a velocity followed for one unit of time, by scaling and squaring on the page.

const FLOW_STYLE = `
.rt .streams { display: flex; flex-wrap: wrap; gap: .3em .8em; align-items: flex-start; }
.rt .streams figure { flex: 1 1 160px; min-width: 0; max-width: 310px; margin: 0; }
.rt .streams canvas { width: 100%; height: auto; box-shadow: 0 0 0 1px #8888; }
.rt .flow figcaption { font-size: .85em; line-height: 1.3; margin: .2em 0; }
.rt .flow table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4em 0; }
.rt .flow th, .rt .flow td { font-weight: normal; text-align: right; padding: .1em .4em; }
.rt .flow th[scope=row] { text-align: left; padding-left: 0; }
.rt .flow .on { font-weight: bold; box-shadow: inset 0 0 0 2px #0073ff; }
.rt .flow .said { min-height: 1.4em; margin: .3em 0; max-width: 60em; }
@media (max-width: 480px) {
  .rt .streams figure { flex: 1 1 40%; }
  .rt .flow table { font-size: .8em; }
  .rt .flow th, .rt .flow td { padding: .1em .15em; }
  .rt .flow .said { min-height: 4.2em; } /* what is below it stays where it is */
}`;

function mount(root, data) {
  return framed(root, data.alt, unpack(data.moving), (box, image) => start(box, image, data));
}

/** `exp`; with no step at all the velocity itself. */
function follow(dvf, steps, plane) {
  const n = plane.rows * plane.columns;
  let ddf = dvf.map((value) => value / 2 ** steps);
  for (let i = 0; i < steps; i++) {
    const parts = [ddf.subarray(0, n), ddf.subarray(n)].map((part) => pull(part, ddf, plane));
    ddf = ddf.map((value, at) => value + parts[at < n ? 0 : 1][at % n]);
  }
  return ddf;
}

/** Per cent of the voxels that fold, and the mean length of a step, in voxels. */
function measure(ddf, { rows, columns }) {
  const n = rows * columns, jacobian = jacobian2d(ddf, rows, columns);
  let folded = 0, length = 0;
  for (let at = 0; at < n; at++) {
    folded += jacobian[at] <= 0;
    length += Math.sqrt(ddf[at] ** 2 + ddf[at + n] ** 2);
  }
  return { jacobian, folded: 100 * folded / n, length: length / n };
}

function start(box, image, { title, size: [rows, columns], spacing, moving, dvf, most }) {
  const plane = { rows, columns, spacing }, { low, high } = moving;
  const code = Uint8Array.from(atob(dvf), (letter) => letter.charCodeAt(0));
  const velocity = new Float32Array(code.buffer);
  const grey = (values, light = 255) => (at) =>
    Array(3).fill(light * (values[at] - low) / (high - low));
  const read = plotted(plane, "Moving image: where each grid line is read");
  const area = plotted(plane, "Area read: blue less, orange more, black folded");
  const warped = plotted(plane, "The warped image");
  const said = make("p", { class: "said", role: "status" });
  const heads = [], cells = [];
  for (let n = 0; n <= most; n++) {
    heads.push(make("th", { scope: "col" }, String(n)));
    cells.push(make("data", {}));
  }
  const table = make("table", {},
    make("tr", {}, make("th", { scope: "row" }, "num_steps"), ...heads),
    make("tr", {}, make("th", { scope: "row" }, "% folded"),
      ...cells.map((cell) => make("td", {}, cell))));
  let fields = [], due = 0;

  /** All numbers of steps at this speed. */
  function hurry() {
    const fast = velocity.map((value) => value * Number(speed.value) / 100);
    fields = heads.map((_, n) => {
      const ddf = follow(fast, n, plane);
      return { ddf, ...measure(ddf, plane) };
    });
    fields.forEach(({ folded }, n) => {
      cells[n].textContent = folded ? folded.toFixed(1) : "0";
      cells[n].value = folded;
    });
    draw();
  }
  function draw() {
    cancelAnimationFrame(due);
    due = 0;
    const n = Number(steps.value), { ddf, jacobian, folded, length } = fields[n];
    warped.paint(grey(pull(image, ddf, plane)));
    read.paint(grey(image, 140)); // darker, so that the lines stand out
    read.lines(gridLines(ddf, plane), ORANGE, 1.2);
    area.paint((at) => volumeColour(jacobian[at]));
    [heads, cells.map((cell) => cell.parentElement)].forEach((row) =>
      row.forEach((cell, k) => cell.classList.toggle("on", k === n)));
    const how = n ? `In ${2 ** n} steps, by ${n} squaring${n > 1 ? "s" : ""}`
      : "Not followed at all, but taken for a displacement";
    said.textContent = `${how}: ${number(folded)} % of the voxels fold; the mean way is `
      + `${number(length)} voxels.` + (speed.value < 0 ? " Backwards: this is exp(−v)." : "");
  }
  const ask = (then) => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(then);
  };
  const tools = make("div", { class: "row" });
  const steps = slider(tools, "num_steps", { max: most, value: 0 }, () => due || ask(draw));
  const speed = slider(tools, "speed", { min: -100, max: 100, step: 5, value: 100 },
    () => ask(hurry), (share) => `${share} % of v`);
  box.append(make("style", {}, FLOW_STYLE), make("div", { class: "flow" },
    make("strong", {}, title), tools, table, said,
    make("div", { class: "streams" }, read.figure, area.figure, warped.figure)));
  hurry();
  return () => cancelAnimationFrame(due);
}

/** A canvas over its words. */
function plotted(plane, words) {
  const art = plate(plane, 320, { role: "img", "aria-label": words });
  return { ...art, figure: make("figure", {}, art.canvas, make("figcaption", {}, words)) };
}
