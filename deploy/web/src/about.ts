/** Says what the model is and how good it is, with the metrics of the run that made it. */

import evaluation, { type Summary } from "@details/evaluate.json";
import ingest from "@details/ingest.json";
import { byId, make } from "./page";
import { about, text } from "./strings";

export function describeModel(): void {
  const subsets = Object.entries(evaluation).filter(isSubset);
  const labels = Object.keys(subsets[0][1].recall_of_class);
  const heads = [...about.columns, ...labels.map(about.recall)].map((words) => {
    const head = make("th", words);
    head.scope = "col";
    return head;
  });
  const table = make(
    "table",
    make("thead", make("tr", ...heads)),
    make("tbody", ...subsets.map(row)),
  );
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

/** Whether an entry of `evaluate.json` holds the figures of a subset or of an external test set. */
function isSubset(entry: [string, unknown]): entry is [string, Summary] {
  return (entry[1] as Partial<Summary>).recall_of_class !== undefined;
}

function row([name, figures]: [string, Summary]): HTMLTableRowElement {
  const [low, high] = figures.interval_95.accuracy.map(text.percent);
  const recalls = Object.values(figures.recall_of_class);
  const cells = [
    figures.images.toLocaleString("en"),
    text.percent(figures.accuracy),
    `${low} – ${high}`,
    ...recalls.map(text.percent),
  ];
  const leaked = figures.train_overlap;
  const head = make("th", about.subset(name) + (leaked ? about.leaky(leaked) : ""));
  head.scope = "row";
  return make("tr", head, ...cells.map((words) => make("td", words)));
}
