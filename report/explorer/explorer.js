// The page: which model, which values, and the picture of them.

const runs = JSON.parse(document.getElementById("runs").textContent);
const find = (id) => document.getElementById(id);
const [picture, choice, state, speed] = ["image", "run", "status", "speed"].map(find);
const MEANINGS = {
  codes: "A value is a coordinate of a layer’s code. The layers are independent of one another.",
  noise:
    "A value is a coordinate of a layer’s noise, standard normal: each layer’s code is its noise, " +
    "scaled and shifted by what lies above it. So moving a layer moves those below along.",
};

let decoder = null; // of the model shown; none while another is loaded
let layers = []; // bottom layer first
let pair = null; // of images of that model
let stale = false; // the picture, or after it a map
let busy = false;

const codes = () => layers.map((layer) => layer.code);
const frame = () => new Promise(requestAnimationFrame);

// The address: run, values of each layer, numbers of the layers kept fixed, images A and
// B, and how far each layer is from A to B (nothing where it is neither).

function address() {
  const words = new URLSearchParams({ run: decoder.run.name });
  layers.forEach((layer, i) => words.set(`z${i + 1}`, layer.code.join(",")));
  const fixed = layers.flatMap((layer, i) => (layer.fixed.checked ? [i + 1] : []));
  if (fixed.length) words.set("fixed", fixed.join(","));
  if (layers.some((layer) => layer.share !== null)) {
    for (const [side, index] of Object.entries(pair.chosen)) words.set(side, index + 1);
    words.set("mix", layers.map((layer) => layer.share ?? "").join(","));
  }
  return "#" + words.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

let writing = 0;
function writeAddress() {
  clearTimeout(writing);
  writing = setTimeout(() => decoder && history.replaceState(null, "", address()), 300);
}

// Values of a layer in the address, if they are such of this run.
function written(words, run, layer) {
  const values = (words.get(`z${layer + 1}`) ?? "").split(",").map(Number);
  const fit = values.length === run.latents[layer] && values.every(Number.isFinite);
  return fit ? values.map(rounded) : null;
}

// Pictures

async function refresh() {
  stale = true;
  if (busy) return;
  busy = true;
  while (stale && decoder) {
    stale = false;
    const current = decoder;
    const shown = codes().map((code) => [...code]);
    const start = performance.now();
    const [image] = await current.decode([shown]);
    const took = performance.now() - start;
    if (decoder !== current) continue;
    paint(picture, image, current.run.shape);
    picture.dataset.codes = JSON.stringify(shown);
    speed.textContent = `${took.toFixed(1)} ms for a picture.`;
    await frame();
  }
  busy = false;
  drawMaps();
}

// Under each pad, pictures of its places, with the other layers as they are. Rows come
// one by one, and stop as soon as something moves.
let waiting = 0;
function drawMaps() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const current = decoder;
    if (!current) return;
    const [, height, width] = current.run.shape;
    for (const layer of layers.filter((l) => l.pad && l.outdated)) {
      const now = codes().map((code) => [...code]);
      for (const [row, cells] of Layer.cells().entries()) {
        if (busy || decoder !== current) return;
        const placed = cells.map((cell) => now.with(layer.index, cell));
        const images = await current.decode(placed);
        if (busy || decoder !== current) return;
        images.forEach((image, column) =>
          paint(layer.map, image, current.run.shape, column * width, row * height),
        );
      }
      layer.outdated = false;
    }
  }, 150);
}

function changed(layer) {
  layers.forEach((other) => (other.outdated ||= other !== layer));
  refresh();
  writeAddress();
}

// What the page offers

function each(value) {
  for (const layer of layers) {
    if (!layer.fixed.checked) layer.set(layer.code.map(value));
  }
}

// Layers that are on the way from A to B stay as far on it; others become what is chosen.
function chosen(side) {
  for (const layer of layers) {
    if (!layer.fixed.checked) layer.mix(layer.share ?? (side === "A" ? 0 : 1));
  }
}

function whole(share) {
  for (const layer of layers) {
    if (!layer.fixed.checked) layer.mix(share);
  }
}

function usable(yes) {
  for (const control of [choice, find("draw"), find("zero")]) control.disabled = !yes;
  for (const part of ["layers", "pair"]) find(part).inert = !yes;
}

// The images and shares of the address, if there are such.
function restore(words) {
  for (const side of ["A", "B"]) pair.choose(side, Number(words.get(side)) - 1);
  const shares = (words.get("mix") ?? "").split(",");
  layers.forEach((layer, i) => {
    const share = Number(shares[i] || NaN);
    if (pair.codes(i) && share >= 0 && share <= 1) layer.mix(share);
  });
}

async function open(run, words) {
  usable(false);
  state.textContent = `Loading ${run.title} …`;
  const former = decoder;
  decoder = null;
  await former?.close();
  const opened = await Decoder.open(run);
  choice.value = run.name;
  find("meaning").textContent = MEANINGS[run.inputs];
  [, picture.height, picture.width] = run.shape;
  pair = new Pair(run, find("pair"), chosen);
  layers = run.start.map((start, i) => {
    const code = written(words, run, i) ?? start.map(rounded);
    return new Layer(run, i, code, changed, () => pair.codes(i));
  });
  const fixed = (words.get("fixed") ?? "").split(",").map(Number);
  layers.forEach((layer, i) => {
    layer.fixed.checked = fixed.includes(i + 1);
    layer.outdated = true;
  });
  find("layers").replaceChildren(...layers.map((layer) => layer.root).reverse());
  decoder = opened;
  restore(words);
  state.textContent = "Ready.";
  usable(true);
  writeAddress();
  refresh();
}

// One model after the other, however fast they are asked for.
let turn = Promise.resolve();
function turnTo(run, words) {
  turn = turn.then(() => open(run, words)).catch(fail);
}

function fail(error) {
  state.textContent = `The decoder cannot run here: ${error.message ?? error}`;
  state.className = "failure";
  choice.disabled = false; // another may run
  console.error(error);
}

function openAddress(hash) {
  const words = new URLSearchParams(hash.slice(1));
  const run = runs.find((r) => r.name === words.get("run")) ?? runs[0];
  turnTo(run, words);
}

choice.addEventListener("change", () => {
  const run = runs.find((r) => r.name === choice.value);
  turnTo(run, new URLSearchParams());
});
find("draw").addEventListener("click", () => each(normal));
find("zero").addEventListener("click", () => each(() => 0));
find("all-a").addEventListener("click", () => whole(0));
find("all-b").addEventListener("click", () => whole(1));
// Not location.hash: what was still to be written may have replaced it by now.
window.addEventListener("hashchange", (event) => openAddress(new URL(event.newURL).hash));
openAddress(location.hash);
