// Controls of one layer: a pad for two dimensions, sliders for any number.

const EXTENT = 3;
const SHOWN = 8; // sliders at first sight; the others unfold
const CELLS = 9; // pictures along a side of a pad's map

function rounded(value) {
  return Math.round(Math.min(Math.max(value, -EXTENT), EXTENT) * 100) / 100;
}

// Standard normal, by Box and Muller, within the range of the controls.
function normal() {
  const size = Math.sqrt(-2 * Math.log(1 - Math.random()));
  const value = size * Math.cos(2 * Math.PI * Math.random());
  return Math.abs(value) > EXTENT ? normal() : rounded(value);
}

// Codes on the way between two codes of a layer, as in experiments/swapping.py: straight
// in one or two coordinates, else direction and length change evenly.
function between(start, end, share) {
  const straight = start.map((value, i) => value + share * (end[i] - value));
  if (start.length <= 2) return straight;
  const lengths = [start, end].map((code) => Math.hypot(...code));
  const product = start.reduce((sum, value, i) => sum + value * end[i], 0);
  const cosine = product / (lengths[0] * lengths[1]);
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  const sine = Math.sin(angle);
  if (!(sine >= 1e-4)) return straight; // without a direction it is not a number
  const length = lengths[0] + share * (lengths[1] - lengths[0]);
  const [first, last] = [1 - share, share].map(
    (part, i) => (length * Math.sin(part * angle)) / (sine * lengths[i]),
  );
  return start.map((value, i) => first * value + last * end[i]);
}

function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

class Layer {
  // code: the layer's values, changed in place; changed: called after each change; pair:
  // the codes of images A and B in this layer, or null where the run has no images.
  constructor(run, index, code, changed, pair) {
    Object.assign(this, { run, index, code, changed, pair });
    this.share = null; // of B, where the code is one on the way from A to B
    const number = index + 1;
    const place = { 1: " (bottom)", [run.latents.length]: " (top)" }[number] ?? "";
    this.fixed = element("input", { type: "checkbox", id: `fixed-${number}` });
    this.fixed.addEventListener("change", () => changed(this));
    const redraw = element("button", { type: "button", textContent: "Redraw" });
    redraw.setAttribute("aria-label", `Redraw layer ${number}`);
    redraw.addEventListener("click", () => this.set(this.code.map(normal)));
    this.sliders = code.map((_, coordinate) => this.slider(coordinate));
    this.root = element(
      "fieldset",
      { className: "layer", id: `layer-${number}` },
      element("legend", { textContent: `Layer ${number}${place}` }),
      element(
        "p",
        { className: "buttons" },
        element("label", {}, this.fixed, " Keep fixed"),
        redraw,
      ),
      ...(pair() ? [this.makeMixer()] : []),
      ...(code.length === 2 ? [this.makePad()] : []),
      ...this.arranged(),
    );
    this.show();
  }

  slider(coordinate) {
    const number = this.index + 1;
    const id = `z-${number}-${coordinate + 1}`;
    const range = element("input", { type: "range", id, min: -EXTENT, max: EXTENT, step: 0.01 });
    const value = element("output", { htmlFor: id });
    const symbol = `${this.run.inputs === "codes" ? "z" : "ε"}${number},${coordinate + 1}`;
    range.addEventListener("input", () => {
      this.code[coordinate] = rounded(range.valueAsNumber);
      this.set(this.code);
    });
    const row = element("p", { className: "slider" }, element("label", { htmlFor: id, textContent: symbol }), range, value);
    return { range, value, row };
  }

  // Sliders by falling influence, of which the first few are seen; two keep their order.
  arranged() {
    const influence = this.run.influences[this.index];
    const order = this.sliders.map((_, coordinate) => coordinate);
    if (order.length > 2) order.sort((a, b) => influence[b] - influence[a]);
    const rows = order.map((coordinate) => this.sliders[coordinate].row);
    const [first, rest] = [rows.slice(0, SHOWN), rows.slice(SHOWN)];
    if (!rest.length) return first;
    const summary = element("summary", { textContent: `${rest.length} more, of less influence` });
    return [...first, element("details", {}, summary, ...rest)];
  }

  // From image A to image B.
  makeMixer() {
    const id = `mix-${this.index + 1}`;
    this.mixer = element("input", { type: "range", id, min: 0, max: 1, step: 0.05, value: 0 });
    this.mixer.setAttribute("aria-label", `Layer ${this.index + 1}, from image A to image B`);
    this.mixer.addEventListener("input", () => this.mix(this.mixer.valueAsNumber));
    this.mixed = element("output", { htmlFor: id });
    const ends = ["A", "B"].map((name, share) => {
      const end = element("button", { type: "button", textContent: name });
      end.setAttribute("aria-label", `Layer ${this.index + 1} of image ${name}`);
      end.addEventListener("click", () => this.mix(share));
      return end;
    });
    return element("p", { className: "mixer" }, ends[0], this.mixer, ends[1], this.mixed);
  }

  mix(share) {
    this.set(between(...this.pair(), share).map(rounded), share);
  }

  // For the mouse and the finger; the sliders below serve the keyboard and tell values.
  makePad() {
    const [, height, width] = this.run.shape;
    this.map = element("canvas", { width: CELLS * width, height: CELLS * height });
    this.thumb = element("span", { className: "thumb" });
    this.pad = element("div", { className: "pad" }, this.map, this.thumb);
    this.pad.setAttribute("aria-hidden", "true");
    const follow = (event) => {
      const box = this.pad.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const y = (event.clientY - box.top) / box.height;
      this.set([EXTENT * (2 * x - 1), EXTENT * (1 - 2 * y)].map(rounded));
    };
    this.pad.addEventListener("pointerdown", (event) => {
      this.pad.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.pad.addEventListener("pointermove", (event) => {
      if (this.pad.hasPointerCapture(event.pointerId)) follow(event);
    });
    return this.pad;
  }

  // Codes of the centres of the map's cells, row by row, in the pad's order.
  static cells() {
    const centre = (i) => EXTENT * ((2 * i + 1) / CELLS - 1);
    const sides = [...Array(CELLS).keys()];
    return sides.map((row) => sides.map((column) => [centre(column), -centre(row)]));
  }

  set(code, share = null) {
    this.share = share;
    code.forEach((value, i) => (this.code[i] = value));
    this.show();
    this.changed(this);
  }

  show() {
    this.sliders.forEach(({ range, value }, i) => {
      range.value = this.code[i];
      value.textContent = this.code[i].toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "−");
    });
    if (this.mixer) {
      if (this.share !== null) this.mixer.value = this.share;
      const words = { 0: "A", 1: "B" };
      this.mixed.textContent =
        this.share === null ? "neither" : (words[this.share] ?? `${Math.round(100 * this.share)} % B`);
    }
    if (this.pad) {
      const [x, y] = this.code;
      this.thumb.style.left = `${50 * (1 + x / EXTENT)}%`;
      this.thumb.style.top = `${50 * (1 - y / EXTENT)}%`;
    }
  }
}
