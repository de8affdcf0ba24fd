// Learning curves that a reader can question.  Numbers and texts come with the data (drawing/chart.py); here they are
// placed and drawn, on axes that fit what is shown.  Solid is what was learned: with recalibrated statistics where a
// method has them, and then with its moving averages dotted.
"use strict";
(() => {
  const FEW = 7; // curves that can be told apart in one picture
  const ROOM = { left: 52, right: 12, top: 8, bottom: 40 };

  // Marks of radius 1, as matplotlib has them.
  const MARKS = {
    o: "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z", s: "M-.9-.9H.9V.9H-.9Z", D: "M0-1.2L1.2 0L0 1.2L-1.2 0Z",
    "^": "M0-1.1L1.1 .9H-1.1Z", v: "M0 1.1L1.1-.9H-1.1Z", "<": "M-1.1 0L.9-1.1V1.1Z", ">": "M1.1 0L-.9-1.1V1.1Z",
    P: "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
    X: "M-1.1-.6L-.6-1.1L0-.5L.6-1.1L1.1-.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0Z",
  };

  const made = (node, attributes, children) => {
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const html = (tag, attributes = {}, ...children) => made(document.createElement(tag), attributes, children);

  const compact = (value) => value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 6 }).replace("K", "k");
  const known = (value) => value !== null && value !== undefined;

  // Scales: from a value to its place, 0 to 1 between both ends, and the ticks there.
  const linear = (low, high) => {
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const gap = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough);
    const ticks = [];
    for (let k = Math.ceil(low / gap); k * gap <= high; k++) ticks.push(Number((k * gap).toPrecision(12)));
    return { place: (value) => (value - low) / (high - low), ticks };
  };
  const logarithmic = (low, high) => {
    const [bottom, top] = [Math.log10(low), Math.log10(high)];
    const subs = top - bottom > 2.5 ? [1] : top - bottom > 1.2 ? [1, 3] : [1, 2, 5];
    const ticks = [];
    for (let power = Math.floor(bottom); power <= top; power++) {
      for (const sub of subs) {
        const tick = Number((sub * 10 ** power).toPrecision(12));
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return { place: (value) => (Math.log10(Math.max(value, low / 10)) - bottom) / (top - bottom), ticks };
  };
  // Logarithmic in the error, so that late differences are seen beside the steep beginning.
  const stretched = (values, table) => {
    const errors = values.filter((value) => value < 100).map((value) => 100 - value);
    const least = Math.max(Math.min(...errors, 100) / 1.3, 0.005), most = Math.min(Math.max(...errors, 1) * 1.3, 100);
    const scale = logarithmic(least, Math.max(most, least * 1.4));
    const place = (value) => 1 - scale.place(Math.max(100 - value, least / 2));
    const ticks = table.filter((tick) => place(tick) >= 0 && place(tick) <= 1);
    const fallback = () => linear(100 - Math.max(most, least * 1.4), 100 - least).ticks;
    return { place, ticks: ticks.length >= 3 ? ticks : fallback() };
  };
  // Ticks from the upper end, without those whose labels would touch.
  const apart = (scale, length, room) => {
    const kept = [];
    for (const tick of [...scale.ticks].sort((a, b) => scale.place(b) - scale.place(a))) {
      if (kept.every((other) => Math.abs(scale.place(other) - scale.place(tick)) * length >= room)) kept.push(tick);
    }
    return kept;
  };

  const start = (root) => {
    const data = JSON.parse(document.getElementById(root.dataset.curves).textContent);
    if (!data.curves) return;
    const svg = root.querySelector("svg");
    const shape = (tag, attributes = {}, ...children) =>
      made(document.createElementNS(svg.namespaceURI, tag), attributes, children);

    const measures = Object.keys(data.measures);
    const kinds = ["accuracy", "loss"].filter((kind) => measures.some((key) => key.endsWith(kind)));
    const phases = ["validation", "train"].filter((phase) => measures.some((key) => key.startsWith(phase)));
    const state = {
      kind: kinds[0], phase: phases[0], x: "step", scale: "linear", place: 0,
      shown: new Set(data.variants.map((_, k) => k).slice(0, FEW)), at: null,
    };
    const wanted = () => `${state.phase}_${state.kind}`;
    const averaged = (curve) => state.phase === "validation" && `recalibrated_${state.kind}` in curve.mean;
    const measure = (curve) => (averaged(curve) ? `recalibrated_${state.kind}` : wanted());

    // ---- what is drawn
    const curves = () => data.curves.filter((curve) => curve.place === state.place && state.shown.has(curve.variant));
    const means = (curve, key = measure(curve)) => curve.mean[key] ?? [[], [], []];
    const values = (curve, seed) => seed[measure(curve)] ?? [];
    const xs = (curve, seed = curve) => (state.x === "seconds" ? seed.seconds : curve[state.x]);
    const look = (k) => data.variants[k];
    const name = (k) => look(k).name;
    // Black is for paper; in the dark it is the colour of the text.
    const colour = (node, k) => {
      node.style.color = look(k).colour === "#000000" ? "var(--ink)" : look(k).colour;
      return node;
    };
    const mark = (k, x, y, size) =>
      shape("path", { d: MARKS[look(k).marker], transform: `translate(${x} ${y}) scale(${size})`, fill: "currentColor" });
    const swatch = (k) => {
      const line = shape("path", { d: "M1 7H27", stroke: "currentColor", "stroke-width": 1.8 });
      return colour(shape("svg", { width: 28, height: 14, "aria-hidden": "true" }, line, mark(k, 14, 7, 3.2)), k);
    };

    // Points of an evaluation: where its mean is, or, where no training finished, the first seed that has a value.
    const spot = (curve, k) => {
      const mean = means(curve)[0][k];
      if (known(mean) && known(xs(curve)[k])) return [xs(curve)[k], mean];
      const seed = curve.seeds.find((each) => known(values(curve, each)[k]));
      return seed ? [xs(curve, seed)[k], values(curve, seed)[k]] : null;
    };
    const spots = (curve) => curve.step.map((_, k) => k).filter((k) => spot(curve, k));

    // ---- what is said
    const shown = (curve, k) => curve.shown[measure(curve)][k] ?? "no training finished";
    const aside = (curve, k) => (averaged(curve) && curve.shown[wanted()][k] ? `with moving averages ${curve.shown[wanted()][k]}` : "");
    const where = (curve, k) => {
      const { [state.x]: x, step } = curve.at;
      return state.x === "step" || !x[k] ? step[k] : `${x[k]} (${step[k]})`;
    };
    const count = (curve, k) => `n = ${curve.n[measure(curve)][k]} of ${curve.planned}`;
    const sentence = (curve, k) => `${where(curve, k)}: ${shown(curve, k)}, ${count(curve, k)}`;

    // ---- controls
    const groups = [];
    const choice = (label, key, options) => {
      if (options.length < 2) return [];
      const buttons = options.map(([value, text]) => {
        const button = html("button", { type: "button", "data-value": value }, text);
        button.addEventListener("click", () => { state[key] = value; state.at = null; draw(); });
        return button;
      });
      groups.push(() => buttons.forEach((button) => {
        button.setAttribute("aria-pressed", String(String(state[key]) === button.dataset.value));
        if (key === "phase") button.disabled = !(`${button.dataset.value}_${state.kind}` in data.measures);
      }));
      return [html("div", { class: "choice", role: "group", "aria-label": label }, ...buttons)];
    };
    const places = () => {
      if (data.places.length < 2) return [];
      const select = html("select", { "aria-label": "place of the grid" }, ...data.places.map((place, k) => html("option", { value: k }, place)));
      select.addEventListener("change", () => { state.place = Number(select.value); state.at = null; draw(); });
      return [html("label", { class: "choice" }, html("span", {}, "at"), select)];
    };
    const toggles = data.variants.map((variant, k) => {
      const button = html("button", { type: "button", class: "variant" }, swatch(k), html("bdi", {}, variant.name));
      button.addEventListener("click", () => {
        if (!state.shown.delete(k)) state.shown.add(k);
        state.at = null;
        draw();
      });
      for (const [event, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) {
        button.addEventListener(event, () => emphasize(on && state.shown.has(k) ? k : state.at?.variant));
      }
      return button;
    });
    const all = (text, which) => {
      const button = html("button", { type: "button" }, text);
      button.addEventListener("click", () => { state.shown = new Set(which); state.at = null; draw(); });
      return button;
    };
    const every = data.variants.map((_, k) => k);
    const variants = html("div", { class: "variants", role: "group", "aria-label": "variants" }, ...toggles);
    if (every.length > 2) variants.append(all("show all", every), all("hide all", []));

    const readout = html("div", { class: "readout" });
    const table = html("table");
    const scroll = html("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": "Values of the curves" }, table);
    const same = html("details", {}, html("summary", {}, "The same values as a table"), scroll);
    same.addEventListener("toggle", () => tabulate());
    const note = html("p", { class: "legend" });
    svg.remove();
    svg.setAttribute("role", "group");
    root.append(
      html("div", { class: "controls" }, ...places()),
      variants,
      html("div", { class: "plot" }, svg),
      html("div", { class: "controls" },
        ...choice("data", "phase", phases.map((phase) => [phase, phase === "train" ? "training" : phase])),
        ...choice("vertical axis", "kind", kinds.map((kind) => [kind, kind])),
        ...choice("horizontal axis", "x", Object.keys(data.axes).map((key) => [key, key === "step" ? "steps" : key])),
        ...choice("scale of the axes", "scale", [["linear", "linear"], ["stretched", "logarithmic"]])),
      readout, note, same);

    // ---- the picture
    let scales = null, groupsOf = new Map(), cut = false;
    const extent = (numbers) => [Math.min(...numbers), Math.max(...numbers)];
    const fit = (width, height) => {
      const points = [];
      const add = (x, y) => y.forEach((value, k) => { if (known(value) && known(x[k])) points.push([x[k], value]); });
      for (const curve of curves()) {
        for (const seed of curve.seeds) add(xs(curve, seed), values(curve, seed));
        if (averaged(curve)) add(xs(curve), means(curve, wanted())[0]);
      }
      if (!points.length) return null;
      const x = points.map(([place]) => place), y = points.map(([, value]) => value);
      const [low, high] = extent(x), positive = y.filter((value) => value > 0), plain = state.scale === "linear";
      // The steep first tenth would flatten all that follows: it may leave a linear picture.
      const late = points.filter(([place]) => place >= low + (high - low) / 10).map(([, value]) => value);
      const margin = (high - low) * 0.03, [bottom, top] = extent(late), pad = (top - bottom) * 0.05 || 0.05;
      cut = plain && y.some((value) => value < bottom || value > top);
      const wide = low > 0 ? Math.max((high / low) ** 0.03, low === high ? 1.4 : 1) : 1;
      const across = plain || low <= 0 ? linear(low - margin, high + margin) : logarithmic(low / wide, high * wide);
      const ceiling = state.kind === "accuracy" ? 100 : Infinity;
      const flat = () => linear(bottom - pad, Math.max(top, Math.min(top + pad, ceiling)));
      const up = plain || (state.kind === "loss" && !positive.length) ? flat()
        : state.kind === "accuracy" ? stretched(y, data.ticks)
          : logarithmic(Math.min(...positive) / 1.2, Math.max(...positive) * 1.2);
      return {
        across, up, width, height,
        x: (value) => Number((across.place(value) * width).toFixed(1)),
        y: (value) => Number(((1 - Math.min(Math.max(up.place(value), -2), 3)) * height).toFixed(1)),
      };
    };
    const polyline = (xs_, ys_) => {
      let path = "", gap = true;
      xs_.forEach((x, k) => {
        if (!known(x) || !known(ys_[k])) { gap = true; return; }
        path += `${gap ? "M" : "L"}${scales.x(x)} ${scales.y(ys_[k])}`;
        gap = false;
      });
      return path;
    };
    const band = (curve) => {
      const [, low, high] = means(curve);
      const there = spots(curve).filter((k) => known(low[k]) && curve.n[measure(curve)][k] > 2); // an interval of two hides all else
      const edge = (row, order) => order.map((k) => `${scales.x(xs(curve)[k])} ${scales.y(row[k])}`).join("L");
      return there.length ? `M${edge(high, there)}L${edge(low, [...there].reverse())}Z` : "";
    };
    const markers = (curve) => {
      const kept = [];
      let last = -Infinity;
      means(curve)[0].forEach((value, k) => {
        if (!known(value)) return;
        const x = scales.x(xs(curve)[k]);
        if (x - last >= scales.width / 15) { kept.push(mark(curve.variant, x, scales.y(value), 3)); last = x; }
      });
      return kept;
    };
    const drawnCurve = (curve) => {
      const group = colour(shape("g", {
        class: "curve", tabindex: 0, role: "slider", "aria-orientation": "horizontal", "data-variant": curve.variant,
        "aria-label": `${name(curve.variant)}: ${data.measures[measure(curve)]} against ${data.axes[state.x]}`,
      }), curve.variant);
      group.append(shape("path", { class: "band", d: band(curve) }));
      for (const seed of curve.seeds) {
        group.append(shape("path", { class: "seed", d: polyline(xs(curve, seed), values(curve, seed)) }));
        const last = values(curve, seed).findLastIndex(known);
        if (!seed.finished && last >= 0) {
          const [x, y] = [scales.x(xs(curve, seed)[last]), scales.y(values(curve, seed)[last])];
          group.append(shape("path", { class: "ended", d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` }));
        }
      }
      const line = polyline(xs(curve), means(curve)[0]);
      if (averaged(curve)) group.append(shape("path", { class: "averaged", d: polyline(xs(curve), means(curve, wanted())[0]) }));
      group.append(shape("path", { class: "mean", d: line }));
      group.append(...markers(curve), shape("path", { class: "target", d: line }));
      const there = spots(curve);
      made(group, { "aria-valuemin": 0, "aria-valuemax": Math.max(0, there.length - 1) }, []);
      speak(group, curve, there.at(-1));
      group.addEventListener("focus", () => point(curve, state.at?.variant === curve.variant ? state.at.k : there.at(-1)));
      group.addEventListener("blur", () => point(null));
      group.addEventListener("keydown", (event) => key(event, curve));
      return group;
    };
    const speak = (group, curve, k) => {
      if (k === undefined) return;
      made(group, { "aria-valuenow": spots(curve).indexOf(k), "aria-valuetext": sentence(curve, k) }, []);
    };

    const draw = () => {
      if (!(wanted() in data.measures)) state.phase = phases.find((phase) => `${phase}_${state.kind}` in data.measures);
      groups.forEach((update) => update());
      toggles.forEach((button, k) => {
        const planned = data.curves.some((curve) => curve.place === state.place && curve.variant === k);
        button.disabled = !planned;
        button.setAttribute("aria-pressed", String(planned && state.shown.has(k)));
      });
      const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.variant : null;
      const at = state.at; // which losing the focus forgets
      picture();
      if (focused !== null) groupsOf.get(Number(focused))?.focus();
      point(at && curves().find((curve) => curve.variant === at.variant), at?.k);
      tabulate();
    };
    const picture = () => {
      svg.replaceChildren();
      groupsOf = new Map();
      const outer = Math.max(240, svg.clientWidth);
      const tall = Math.round(Math.min(340, Math.max(240, outer * 0.5)));
      const width = outer - ROOM.left - ROOM.right, height = tall - ROOM.top - ROOM.bottom;
      made(svg, { height: tall, viewBox: `0 0 ${outer} ${tall}` }, []);
      const at = data.places[state.place];
      const title = `${data.measures[wanted()]} against ${data.axes[state.x]}${at ? ` at ${at}` : ""}`;
      svg.setAttribute("aria-label", `Learning curves of ${root.dataset.name}: ${title}. Tab goes to a curve, arrow keys along it.`);
      scales = fit(width, height);
      if (!scales) {
        svg.append(shape("text", { x: outer / 2, y: tall / 2, "text-anchor": "middle" }, state.shown.size ? "nothing was measured here" : "no variant is switched on"));
        return;
      }
      const frame = shape("g", { class: "frame", "aria-hidden": "true", transform: `translate(${ROOM.left} ${ROOM.top})` });
      for (const tick of apart(scales.across, width, 46)) {
        const x = scales.x(tick);
        frame.append(shape("path", { d: `M${x} 0V${height}` }), shape("text", { x, y: height + 16, "text-anchor": "middle" }, compact(tick)));
      }
      for (const tick of apart(scales.up, height, 20)) {
        const y = scales.y(tick);
        frame.append(shape("path", { d: `M0 ${y}H${width}` }), shape("text", { x: -7, y: y + 4, "text-anchor": "end" }, compact(tick)));
      }
      frame.append(shape("path", { class: "axis", d: `M0 0V${height}H${width}` }));
      frame.append(shape("text", { x: width / 2, y: height + 34, "text-anchor": "middle" }, data.axes[state.x]));
      frame.append(shape("text", { transform: `translate(${12 - ROOM.left} ${height / 2}) rotate(-90)`, "text-anchor": "middle" }, data.measures[wanted()]));
      // An inner picture, because it cuts off what lies outside of it.
      const inside = shape("svg", { x: ROOM.left, y: ROOM.top, width, height });
      for (const curve of curves()) {
        if (!spots(curve).length) continue;
        const group = drawnCurve(curve);
        groupsOf.set(curve.variant, group);
        inside.append(group);
      }
      inside.append(shape("g", { class: "pointed", "aria-hidden": "true" }));
      svg.append(frame, inside);
    };

    // ---- pointing: one evaluation of one curve, by pointer or keys
    const emphasize = (variant) => {
      svg.classList.toggle("emphasized", variant !== undefined && variant !== null);
      for (const [k, group] of groupsOf) group.classList.toggle("on", k === variant);
    };
    const point = (curve, k) => {
      state.at = curve && k !== undefined ? { variant: curve.variant, k } : null;
      emphasize(state.at?.variant);
      report();
    };
    const report = () => {
      const pointed = svg.querySelector(".pointed");
      pointed?.replaceChildren();
      const curve = state.at && curves().find((each) => each.variant === state.at.variant);
      if (!curve || !pointed) {
        readout.replaceChildren(html("p", {}, "Point at a curve for its values and every seed behind them; or go to it with Tab and along it with the arrow keys."));
        return;
      }
      const k = state.at.k, [, low, high] = means(curve), [x, y] = spot(curve, k);
      colour(pointed, curve.variant);
      if (known(low[k])) pointed.append(shape("path", { class: "whisker", d: `M${scales.x(x)} ${scales.y(low[k])}V${scales.y(high[k])}` }));
      const rows = curve.seeds.map((seed) => {
        const value = values(curve, seed)[k];
        if (known(value)) pointed.append(shape("circle", { class: "dot", r: 3, cx: scales.x(xs(curve, seed)[k]), cy: scales.y(value) }));
        const text = known(value) ? value.toFixed(curve.digits[measure(curve)][k]) : "—";
        return html("li", {}, html("span", {}, `seed ${seed.seed}`), html("span", {}, text + (seed.finished ? "" : " ×")));
      });
      if (known(means(curve)[0][k])) pointed.append(mark(curve.variant, scales.x(x), scales.y(y), 5));
      readout.replaceChildren(
        html("p", { class: "who" }, swatch(curve.variant), html("bdi", {}, name(curve.variant))),
        html("p", {}, where(curve, k)),
        html("p", { class: "value" }, shown(curve, k)),
        html("p", {}, count(curve, k) + ["", "; no interval from one", "; mean and 95 % interval"][Math.min(curve.n[measure(curve)][k], 2)]),
        ...[aside(curve, k)].filter(Boolean).map((text) => html("p", {}, text)),
        html("ul", { class: "seeds" }, ...rows));
      const group = groupsOf.get(curve.variant);
      if (group) speak(group, curve, k);
    };
    const key = (event, curve) => {
      const there = spots(curve), now = Math.max(0, there.indexOf(state.at?.k ?? there.at(-1)));
      const to = {
        ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: there.length - 1,
      }[event.key];
      if (event.key === "Escape") point(null);
      if (to === undefined) return;
      event.preventDefault();
      point(curve, there[Math.min(Math.max(to, 0), there.length - 1)]);
    };
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      const px = event.clientX - box.left - ROOM.left, py = event.clientY - box.top - ROOM.top;
      let best = null;
      for (const curve of curves()) {
        const there = spots(curve).map((k) => { const [x, y] = spot(curve, k); return { k, x: scales.x(x), y: scales.y(y) }; });
        if (!there.length) continue;
        const next = there.findIndex((each) => each.x >= px);
        const right = there[next === -1 ? there.length - 1 : next], left = there[Math.max(0, (next === -1 ? there.length : next) - 1)];
        const share = right.x > left.x ? Math.min(Math.max((px - left.x) / (right.x - left.x), 0), 1) : 0;
        const away = Math.hypot(left.y + share * (right.y - left.y) - py, Math.max(there[0].x - px, px - there.at(-1).x, 0));
        if (!best || away < best.away) best = { away, curve, k: (share < 0.5 ? left : right).k };
      }
      return best;
    };
    const hover = (event) => {
      if (!scales) return;
      const best = nearest(event);
      if (best) point(best.curve, best.k);
    };
    svg.addEventListener("pointermove", hover);
    svg.addEventListener("pointerdown", hover);
    svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") point(null); });

    // ---- the same as a table
    const tabulate = () => {
      const drawn = curves(), few = state.shown.size < every.length ? `${state.shown.size} of ${every.length} variants shown. ` : "";
      const said = [
        drawn.some(averaged) && "Solid: what was learned, with recalibrated statistics where a method has them. Dotted: the same weights with moving averages.",
        "Mean and 95 % interval over seeds, every seed faint behind.",
        cut && "The steep beginning leaves the picture; logarithmic axes show it.",
        state.scale === "stretched" && state.kind === "accuracy" && "The axis of accuracy is stretched towards 100 %.",
        drawn.some((curve) => curve.seeds.some((seed) => !seed.finished)) && "×: a training that diverged, not in the mean.",
      ];
      note.textContent = few + said.filter(Boolean).join(" ");
      if (!same.open) return;
      const steps = new Map(drawn.flatMap((curve) => curve.step.map((step, k) => [step, curve.at.step[k]])));
      const cell = (curve, k) => {
        if (k < 0) return "—";
        const x = state.x === "step" ? null : curve.at[state.x][k];
        const other = aside(curve, k);
        return `${shown(curve, k)}${x ? ` at ${x}` : ""} (${curve.n[measure(curve)][k]}/${curve.planned})${other ? `; ${other}` : ""}`;
      };
      const row = ([step, text]) => html("tr", {}, html("th", { scope: "row" }, text.replace("step ", "")),
        ...drawn.map((curve) => html("td", {}, cell(curve, curve.step.indexOf(step)))));
      const at = data.places[state.place];
      table.replaceChildren(
        html("caption", {}, `${data.measures[wanted()]}${at ? ` at ${at}` : ""}: mean, 95 % interval, finished/planned trainings`),
        html("thead", {}, html("tr", {}, ...["step", ...drawn.map((curve) => name(curve.variant))].map((text) => html("th", { scope: "col" }, text)))),
        html("tbody", {}, ...[...steps].sort(([a], [b]) => a - b).map(row)));
    };

    root.hidden = false;
    draw();
    let width = svg.clientWidth;
    new ResizeObserver(() => {
      if (svg.clientWidth !== width) { width = svg.clientWidth; draw(); }
    }).observe(svg.parentElement);
  };

  document.querySelectorAll(".curves").forEach(start);
})();
