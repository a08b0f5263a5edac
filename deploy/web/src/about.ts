/** What the model is and how good, from the metrics of the run that made it. */

import evaluation, { type Summary } from "@details/evaluate.json";
import ingest from "@details/ingest.json";
import { byId, make } from "./page";
import { about, text } from "./strings";

export function describeModel(): void {
  const { validation, external } = evaluation;
  const leaked = validation.train_overlap;
  const rows = [row(leaked ? about.validationLeaky(leaked) : about.validation, validation)];
  if (external) rows.push(row(about.external, external));
  const labels = Object.keys(validation.recall_of_class);
  const heads = [...about.columns, ...labels.map(about.found)].map((words) => {
    const head = make("th", words);
    head.scope = "col";
    return head;
  });
  const table = make("table", make("thead", make("tr", ...heads)), make("tbody", ...rows));
  const scroller = make("div", table);
  scroller.className = "scroller";
  scroller.tabIndex = 0; // the keyboard scrolls what has the focus
  scroller.role = "region";
  scroller.ariaLabel = about.measured;
  const licences = make("a", about.licences);
  licences.href = "./third-party.txt";
  byId("about").append(
    make("p", about.what),
    make("p", about.trained(ingest.source, ingest.description)),
    make("p", about.measured),
    scroller,
    make("h3", about.limits),
    make("ul", ...about.not.map((words) => make("li", words))),
    make("p", about.notMeasured),
    make("p", licences),
  );
}

function row(name: string, figures: Summary): HTMLTableRowElement {
  const [low, high] = figures.interval_95.accuracy.map(text.percent);
  const recalls = Object.values(figures.recall_of_class);
  const cells = [
    figures.images.toLocaleString("en"),
    text.percent(figures.accuracy),
    `${low} – ${high}`,
    ...recalls.map(text.percent),
  ];
  const head = make("th", name);
  head.scope = "row";
  return make("tr", head, ...cells.map((words) => make("td", words)));
}
