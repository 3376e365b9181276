// Two held-out images, A and B, whose layers can be exchanged.

class Pair {
  // root: where the choices go; chosen: called with "A" or "B" after a choice.
  constructor(run, root, chosen) {
    this.images = (run.images ?? []).map(({ noise, pixels, label }) => ({
      codes: noise.map((code) => code.map(rounded)),
      pixels: Float32Array.from(atob(pixels), (byte) => byte.charCodeAt(0) / 255),
      label,
    }));
    this.chosen = { A: 0, B: Math.min(1, this.images.length - 1) };
    this.radios = {};
    root.hidden = !this.images.length;
    const sides = this.images.length ? ["A", "B"] : [];
    root.querySelector(".sides").replaceChildren(
      ...sides.map((side) => this.strip(run, side, chosen)),
    );
  }

  strip(run, side, chosen) {
    const choices = this.images.map((image, index) => {
      const radio = element("input", { type: "radio", name: `image-${side}`, checked: index === this.chosen[side] });
      const named = image.label === null ? "" : `, class ${image.label}`;
      radio.setAttribute("aria-label", `Image ${index + 1}${named}, as ${side}`);
      radio.addEventListener("change", () => {
        this.chosen[side] = index;
        chosen(side);
      });
      const [, height, width] = run.shape;
      const canvas = element("canvas", { width, height });
      paint(canvas, image.pixels, run.shape);
      return { radio, root: element("label", {}, radio, canvas) };
    });
    this.radios[side] = choices.map(({ radio }) => radio);
    return element(
      "fieldset",
      { className: "strip", id: `image-${side}` },
      element("legend", { textContent: `Image ${side}` }),
      ...choices.map(({ root }) => root),
    );
  }

  // Show a choice without acting on it; a number beyond the images changes nothing.
  choose(side, index) {
    if (!this.radios[side]?.[index]) return;
    this.chosen[side] = index;
    this.radios[side][index].checked = true;
  }

  // The codes of A and of B in a layer, or null without images.
  codes(layer) {
    if (!this.images.length) return null;
    return ["A", "B"].map((side) => this.images[this.chosen[side]].codes[layer]);
  }
}
