import { atPrevalence, count, wilson } from "./decisions.js";
import { mount } from "./mount.js";
import { change, element, follow, live, shape, slider, write } from "./parts.js";

const STOPS = [
  0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 12.5, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85,
  90, 95, 98, 99,
];

function playground(model, root, about, { labels, scores }) {
  const stops = [...new Set([...STOPS.map((percent) => percent / 100), about.own])].sort((a, b) => a - b);
  const nearest = (share) =>
    stops.reduce((best, one, i) => (Math.abs(one - share) < Math.abs(stops[best] - share) ? i : best), 0);
  const threshold = slider({
    label: "threshold",
    low: 0,
    high: 1,
    step: 0.01,
    say: (value) => value.toFixed(2),
    change: (value) => change(model, { threshold: value }),
  });
  const prevalence = slider({
    label: "prevalence",
    low: 0,
    high: stops.length - 1,
    step: 1,
    say: () => percent(model.get("prevalence")) + (model.get("prevalence") === about.own ? ", as in these images" : ""),
    change: (stop) => change(model, { prevalence: stops[stop] }),
  });
  const bars = distributions(about);
  const curve = roc(about);
  const table = matrix(about);
  const people = groups(about);
  const status = live("mt-status");

  const draw = () => {
    const n = count(labels, scores, model.get("threshold"));
    const sensitivity = n.tp / (n.tp + n.fn);
    const specificity = n.tn / (n.tn + n.fp);
    const values = atPrevalence(sensitivity, specificity, model.get("prevalence"));
    threshold.show(model.get("threshold"));
    prevalence.show(nearest(model.get("prevalence")));
    bars.show(model.get("threshold"));
    curve.show(1 - specificity, sensitivity);
    table.show(n);
    people.show(sensitivity, specificity, model.get("prevalence"), values);
    write(
      status,
      `Threshold ${model.get("threshold").toFixed(2)}: ` +
        `sensitivity ${share(sensitivity)}, specificity ${share(specificity)}. ` +
        `Prevalence ${percent(model.get("prevalence"))}: PPV ${share(values.ppv)}, NPV ${share(values.npv)}.`,
    );
  };

  root.append(
    threshold.row,
    prevalence.row,
    status,
    element("div", { class: "mt-columns" }, bars.drawing, curve.drawing),
    element("div", { class: "mt-columns" }, table.table, people.block),
  );
  draw();
  return follow(model, ["threshold", "prevalence"], draw);
}

const share = (value) => (Number.isNaN(value) ? "-" : value.toFixed(3));
const percent = (value) => `${Number((100 * value).toPrecision(3))} %`;

function chart(wide, high, label, ...children) {
  return shape(
    "svg",
    { viewBox: `0 0 ${wide} ${high}`, class: "mt-chart", role: "img", "aria-label": label },
    ...children,
  );
}

function text(x, y, words, anchor = "middle", more = {}) {
  return shape("text", { x, y, "text-anchor": anchor, ...more }, words);
}

// How the scores of both classes lie, and the threshold between them.
function distributions({ names, counts, colours }) {
  const [left, top, wide, high] = [14, 30, 390, 178];
  const x = (score) => left + score * wide;
  const bars = counts.map((one) => {
    const sum = one.reduce((a, b) => a + b, 0);
    return one.map((n) => n / sum);
  });
  const most = Math.max(...bars.flat());
  const steps = bars.map((one) => {
    const path = one.map((value, i) => `V${top + high * (1 - value / most)}H${x((i + 1) / one.length)}`).join("");
    return `M${left} ${top + high}${path}V${top + high}Z`;
  });
  const line = shape("path", {
    class: "mt-line",
    stroke: "currentColor",
    "stroke-width": 2,
    "stroke-dasharray": "6 4",
  });
  const words = [text(0, top + 12, `called ${names[0]}`, "end"), text(0, top + 12, `called ${names[1]}`, "start")];
  const keys = names.map((name, k) => [
    shape("rect", {
      x: left + k * 150,
      y: 4,
      width: 14,
      height: 14,
      fill: colours[k],
      "fill-opacity": 0.6,
      stroke: colours[k],
    }),
    text(left + k * 150 + 20, 16, name, "start"),
  ]);
  const drawing = chart(
    wide + 28,
    top + high + 40,
    `Scores of both classes: ${names.join(" and ")}`,
    ...steps.map((d, k) => shape("path", { d, fill: colours[k], "fill-opacity": 0.5, stroke: colours[k] })),
    shape("path", { class: "mt-axis", d: `M${left} ${top + high}h${wide}` }),
    ...keys.flat(),
    line,
    ...words,
    ...[0, 0.25, 0.5, 0.75, 1].map((score) => text(x(score), top + high + 16, String(score))),
    text(x(0.5), top + high + 34, "score (bars: share of the class)"),
  );
  return {
    drawing,
    show(threshold) {
      line.setAttribute("d", `M${x(threshold)} ${top}v${high}`);
      words[0].setAttribute("x", x(threshold) - 6);
      words[1].setAttribute("x", x(threshold) + 6);
      words[0].style.visibility = threshold < 0.3 ? "hidden" : "";
      words[1].style.visibility = threshold > 0.75 ? "hidden" : "";
    },
  };
}

function roc({ fpr, tpr, auc, colours }) {
  const [left, top, side] = [46, 12, 196];
  const x = (rate) => left + rate * side;
  const y = (rate) => top + (1 - rate) * side;
  const points = fpr.map((rate, i) => `${x(rate)},${y(tpr[i])}`).join(" ");
  const dot = shape("circle", { r: 7, fill: colours[1], stroke: "currentColor", "stroke-width": 2 });
  const ticks = [0, 0.5, 1].flatMap((rate) => [
    text(x(rate), y(0) + 16, String(rate)),
    text(left - 6, y(rate) + 4, String(rate), "end"),
  ]);
  const drawing = chart(
    left + side + 14,
    top + side + 40,
    `ROC curve, ${auc}`,
    shape("path", { class: "mt-axis", d: `M${left} ${top}v${side}h${side}` }),
    shape("path", { class: "mt-axis", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}`, "stroke-dasharray": "4 4" }),
    shape("polyline", { points, class: "mt-curve", fill: "none", stroke: colours[0], "stroke-width": 3 }),
    dot,
    ...ticks,
    text(x(0.5), y(0) + 34, "1 \u2212 specificity"),
    text(0, 0, "sensitivity", "middle", { transform: `translate(12 ${y(0.5)}) rotate(-90)` }),
    text(x(0.96), y(0.08), auc, "end"),
  );
  drawing.classList.add("mt-square");
  return {
    drawing,
    show(rate, found) {
      dot.setAttribute("cx", x(rate));
      dot.setAttribute("cy", y(found));
    },
  };
}

// The confusion matrix with sensitivity and specificity, and their 95 % intervals.
function matrix({ names }) {
  const cells = { tp: element("td"), fn: element("td"), fp: element("td"), tn: element("td") };
  const rates = [element("td", { class: "mt-rate" }), element("td", { class: "mt-rate" })];
  const heads = ["these images", `called ${names[1]}`, `called ${names[0]}`, "95 % interval (Wilson)"];
  const head = (words, scope) => element("th", { scope }, words);
  const table = element(
    "table",
    { class: "mt-table" },
    element("thead", {}, element("tr", {}, ...heads.map((words) => head(words, "col")))),
    element(
      "tbody",
      {},
      element("tr", {}, head(names[1], "row"), cells.tp, cells.fn, rates[0]),
      element("tr", {}, head(names[0], "row"), cells.fp, cells.tn, rates[1]),
    ),
  );
  const rate = (name, right, all) => {
    const [low, high] = wilson(right, all);
    return `${name} ${share(right / all)} (${share(low)} to ${share(high)})`;
  };
  return {
    table,
    show(n) {
      for (const [name, cell] of Object.entries(cells)) write(cell, String(n[name]));
      write(rates[0], rate("sensitivity", n.tp, n.tp + n.fn));
      write(rates[1], rate("specificity", n.tn, n.fp + n.tn));
    },
  };
}

// A thousand people at the prevalence: who is called what, and who of them is.
function groups({ names, colours }) {
  const rows = [names[1], names[0]].map((called, i) => {
    const value = ["PPV", "NPV"][i];
    const parts = [colours[1], colours[0]].map((colour) => element("i", { style: `background: ${colour}` }));
    const words = element("span", {});
    const row = element(
      "div",
      { class: "mt-group" },
      words,
      element("div", { class: "mt-parts", "aria-hidden": "true" }, ...parts),
    );
    return { called, value, parts, words, row };
  });
  const title = element("div", { class: "mt-title" });
  return {
    block: element("div", { class: "mt-people" }, title, ...rows.map(({ row }) => row)),
    show(sensitivity, specificity, prevalence, { ppv, npv, positive, negative }) {
      const whole = (value) => (1000 * value < 10 ? Number((1000 * value).toFixed(1)) : Math.round(1000 * value));
      write(title, `Of 1000 people, ${whole(prevalence)} are ${names[1]}:`);
      const ill = [sensitivity * prevalence, (1 - sensitivity) * prevalence];
      [positive, negative].forEach((all, i) => {
        const { called, value, parts, words } = rows[i];
        const right = i === 0 ? ill[0] : all - ill[1];
        write(
          words,
          `${whole(all)} are called ${called}, ${whole(right)} of them rightly: ${value} ${share([ppv, npv][i])}`,
        );
        parts[0].style.flexGrow = all ? ill[i] / all : 0;
        parts[1].style.flexGrow = all ? 1 - ill[i] / all : 0;
      });
    },
  };
}

export default { render: mount("The scores", playground) };
