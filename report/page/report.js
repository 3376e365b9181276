"use strict";
// What the page can do beyond being read: tables sort and can be saved, images open
// larger, chains move and curves say their values. Without it nothing is missing.
(() => {
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const button = (text, act) => {
    const found = make("button", { type: "button", className: "plain", textContent: text });
    found.addEventListener("click", act);
    return found;
  };
  const textOf = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
  const limited = (value, low, high) => Math.min(Math.max(value, low), high);

  // Tables

  // "0.60 (0.14-0.88)", ".60", "> 1.2", "60,000", "-3e-4", "12:05" (minutes, seconds).
  const NUMBER = /^[<>≤≥~\s]*([-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[-+]?\d+)?)(?::(\d\d)\b)?/i;

  function numberOf(text) {
    const [, whole, seconds] = NUMBER.exec(text) ?? [];
    if (!whole || !/\d/.test(whole)) return NaN;
    const value = Number(whole.replaceAll(",", "").replace("−", "-"));
    return seconds ? value + Number(seconds) / 60 : value;
  }

  function order(rows, column, direction) {
    const keys = new Map(rows.map((row) => [row, textOf(row.cells[column] ?? row)]));
    const texts = [...keys.values()].filter((text) => text && text !== "undefined");
    const numeric = texts.every((text) => !Number.isNaN(numberOf(text)));
    const compare = (a, b) => (numeric ? numberOf(a) - numberOf(b) : a.localeCompare(b, "en", { numeric: true }));
    const empty = (text) => (numeric ? Number.isNaN(numberOf(text)) : !text);
    // What is empty is last in both directions.
    return [...rows].sort((first, second) => {
      const [a, b] = [keys.get(first), keys.get(second)];
      return empty(a) - empty(b) || (empty(a) ? 0 : direction * compare(a, b));
    });
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const press = make("button", { type: "button", title: "Sort" }, ...heading.childNodes);
      heading.append(press);
      press.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[heading.getAttribute("aria-sort")];
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        const wanted = next === undefined ? "ascending" : next;
        if (wanted) heading.setAttribute("aria-sort", wanted);
        body.append(...(wanted ? order(original, column, wanted === "ascending" ? 1 : -1) : original));
      });
    });
  }

  function csv(table) {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = [...table.tHead.rows, ...table.tBodies[0].rows].map((row) =>
      [...row.cells].flatMap((cell) => [quoted(textOf(cell)), ...Array(cell.colSpan - 1).fill("")]).join(","),
    );
    // The mark tells spreadsheets that it is UTF-8.
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }

  function save(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  for (const box of document.querySelectorAll(".table[data-name]")) {
    const table = box.querySelector("table");
    if (!table.tHead) continue;
    sortable(table);
    const name = `${box.dataset.name}.csv`;
    const press = button("Save as CSV", () => save(name, csv(table)));
    press.setAttribute("aria-label", `Save as CSV: ${textOf(table.caption)}`);
    box.after(make("p", { className: "saves" }, press));
    // Only what scrolls needs to be reached by keyboard.
    new ResizeObserver(() => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }).observe(box);
  }

  // Images, larger

  function viewer() {
    const image = make("img");
    const view = make("div", { className: "view", tabIndex: 0 }, image);
    view.setAttribute("role", "region");
    view.setAttribute("aria-label", "The image; arrow keys move it, + and - zoom");
    const said = make("p");
    said.setAttribute("aria-live", "polite");
    let scale = 1;
    const fitting = () => Math.min(view.clientWidth / image.naturalWidth, view.clientHeight / image.naturalHeight);

    // The point (x, y) of the view stays where it is.
    function zoom(wanted, x = view.clientWidth / 2, y = view.clientHeight / 2) {
      const before = image.getBoundingClientRect(), frame = view.getBoundingClientRect();
      const share = [(frame.left + x - before.left) / before.width, (frame.top + y - before.top) / before.height];
      scale = limited(wanted, Math.min(0.1, fitting()), 16);
      image.style.width = `${image.naturalWidth * scale}px`;
      image.classList.toggle("crisp", scale > 1);
      const after = image.getBoundingClientRect();
      view.scrollLeft += after.left + share[0] * after.width - frame.left - x;
      view.scrollTop += after.top + share[1] * after.height - frame.top - y;
      said.textContent = `${image.alt} (${Math.round(scale * 100)} %)`;
    }

    const larger = () => zoom(scale * 1.4), smaller = () => zoom(scale / 1.4);
    const close = button("Close", () => dialog.close());
    const named = (text, name, act) => Object.assign(button(text, act), { ariaLabel: name });
    const bar = make("div", { className: "bar" }, said, named("−", "Zoom out", smaller), named("+", "Zoom in", larger),
      button("100 %", () => zoom(1)), button("Fit", () => zoom(fitting())), close);
    const dialog = make("dialog", {}, bar, view);
    dialog.setAttribute("aria-label", "Image, larger");
    document.body.append(dialog);
    dialog.addEventListener("keydown", (event) => {
      const act = { "+": larger, "=": larger, "-": smaller, 0: () => zoom(fitting()) }[event.key];
      if (!act || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      act();
    });
    view.addEventListener("wheel", (event) => {
      event.preventDefault();
      const frame = view.getBoundingClientRect();
      zoom(scale * 1.0015 ** -event.deltaY, event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
    view.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button) return;
      event.preventDefault();
      view.focus();
      const start = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop];
      view.setPointerCapture(event.pointerId);
      view.onpointermove = (moved) => view.scrollTo(start[0] - moved.clientX, start[1] - moved.clientY);
    });
    view.addEventListener("lostpointercapture", () => (view.onpointermove = null));
    return (shown) => {
      image.src = shown.src;
      image.alt = shown.alt;
      dialog.showModal();
      view.focus();
      image.decode().then(() => {
        // As much larger as fits, or else as it takes to be larger at all.
        const own = shown.width / image.naturalWidth;
        zoom(fitting() > 1.3 * own ? fitting() : Math.max(Math.min(1, 2 * own), own));
        view.scrollTo(0, 0);
      });
    };
  }

  const open = viewer();
  for (const image of document.querySelectorAll("figure > img")) {
    const press = make("button", { type: "button", className: "zoom", title: "Larger" });
    image.replaceWith(press);
    press.append(image);
    press.addEventListener("click", () => open(image)); // the dialog gives focus back
  }

  // Chains

  for (const section of document.querySelectorAll(".chains")) {
    const steps = section.dataset.steps.split(" ").map(Number);
    const panels = [...section.querySelectorAll(".chain")].map((element) => ({
      steps: element.dataset.steps.split(" ").map(Number),
      title: element.dataset.title,
      frame: element.querySelector(".frame"),
      image: element.querySelector("img"),
      step: element.querySelector(".step"),
    }));
    const moving = panels.filter((panel) => panel.step);
    const start = Math.max(...moving.map((panel) => steps.indexOf(panel.steps[panel.frame.style.getPropertyValue("--frame")])));
    const slider = make("input", { type: "range", min: 0, max: steps.length - 1, step: 1, value: start, ariaLabel: "Step of the chains" });
    const said = make("output");
    const ticks = make("div", { className: "ticks", ariaHidden: "true" }, ...steps.map((step) => make("span", { textContent: step })));

    function show() {
      const step = steps[slider.valueAsNumber];
      said.textContent = `step ${step}`;
      slider.setAttribute("aria-valuetext", `step ${step}`);
      for (const panel of moving) {
        // A chain that was looked at no longer stays at its last.
        const place = panel.steps.findLastIndex((own) => own <= step);
        panel.frame.style.setProperty("--frame", Math.max(place, 0));
        panel.step.textContent = `step ${panel.steps[Math.max(place, 0)]}`;
        panel.image.alt = `${panel.title}, ${panel.step.textContent}`;
      }
    }

    let timer = null;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    };
    const play = button("Play", () => {
      if (timer) return stop();
      if (slider.valueAsNumber === steps.length - 1) slider.value = 0;
      else slider.stepUp();
      show();
      play.textContent = "Pause";
      timer = setInterval(() => {
        slider.stepUp();
        show();
        if (slider.valueAsNumber === steps.length - 1) stop();
      }, 800);
    });
    slider.addEventListener("input", () => {
      stop();
      show();
    });
    section.querySelector(".run").before(make("div", { className: "steps" }, play, slider, said, ticks));
    show();
  }

  // Curves

  document.querySelector(".charts")?.closest("section").querySelector("h3").before(
    make("p", { textContent: "Point at a curve, or focus it and use the arrow keys, for its values: means over seeds, and their range." }),
  );
  const SVG = "http://www.w3.org/2000/svg";
  const digits = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−");

  // Mean over seeds, and their range.
  function told(values) {
    const known = values.filter((value) => value !== null);
    if (!known.length) return null;
    const mean = digits(known.reduce((sum, value) => sum + value, 0) / known.length);
    if (known.length === 1) return mean;
    return `${mean} (${digits(Math.min(...known))} to ${digits(Math.max(...known))})`;
  }

  for (const plot of document.querySelectorAll(".plot")) {
    const { steps, unit, curves, box } = JSON.parse(plot.querySelector("script").textContent);
    const svg = plot.querySelector("svg");
    const last = Math.max(steps.at(-1), 1);
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", "cursor");
    svg.append(line);
    const values = make("p", { className: "values", ariaHidden: "true" });
    plot.append(values);
    let place = steps.length - 1;
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", `${plot.dataset.label}: step`);
    plot.setAttribute("aria-valuemin", steps[0]);
    plot.setAttribute("aria-valuemax", last);

    function tell(wanted, shown = true) {
      place = limited(wanted, 0, steps.length - 1);
      const parts = curves.map((curve) => [curve.name, told(curve.values.map((seed) => seed[place]))]);
      const known = parts.filter(([, value]) => value !== null).map((part) => part.join(" "));
      const text = [`step ${steps[place].toLocaleString("en")}${unit ? `, ${unit}` : ""}`, ...known].join("\n");
      plot.setAttribute("aria-valuenow", steps[place]);
      plot.setAttribute("aria-valuetext", text);
      if (!shown) return;
      values.textContent = text;
      const x = box.left + ((box.right - box.left) * steps[place]) / last;
      line.setAttribute("d", `M${x} ${box.top}V${box.bottom}`);
    }

    function point(event) {
      const frame = svg.getBoundingClientRect();
      const x = ((event.clientX - frame.left) / frame.width) * box.width;
      const step = ((x - box.left) / (box.right - box.left)) * last;
      const away = steps.map((own) => Math.abs(own - step));
      tell(away.indexOf(Math.min(...away)));
    }

    // What is shown goes away with the pointer, unless the keyboard is there.
    const leave = () => {
      if (plot.matches(":focus")) return;
      values.textContent = "";
      line.removeAttribute("d");
    };
    plot.addEventListener("pointerleave", leave);
    plot.addEventListener("blur", leave);
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("focus", () => tell(place));
    plot.addEventListener("keydown", (event) => {
      const wanted = { ArrowRight: place + 1, ArrowUp: place + 1, ArrowLeft: place - 1, ArrowDown: place - 1, Home: 0, End: steps.length - 1 }[event.key];
      if (wanted === undefined) return;
      event.preventDefault();
      tell(wanted);
    });
    tell(place, false);
  }

  // Print

  let opened = [];
  const unfold = () => {
    opened = [...document.querySelectorAll("details:not([open], .appendix)")];
    opened.forEach((details) => (details.open = true));
  };
  const fold = () => {
    opened.forEach((details) => (details.open = false));
    opened = [];
  };
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", fold);
})();
