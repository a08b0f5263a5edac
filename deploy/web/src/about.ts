/** Says what the model is and how good it is, with the metrics of the run that made it. */

import evaluation, { type Group, type Summary } from "@details/evaluate.json";
import ingest from "@details/ingest.json";
import { byId, make } from "./page";
import { about, text } from "./strings";

const MOST_GROUPS = 8;

export function describeModel(): void {
  const subsets = Object.entries(evaluation).filter(isSubset);
  const labels = Object.keys(subsets[0][1].recall_of_class);
  const groups = subsets.flatMap(groupsOf).sort((one, other) => other.errorRate - one.errorRate);
  const licences = make("a", about.licences);
  licences.href = "./third-party.txt";
  byId("about").append(
    make("p", about.what),
    make("p", about.trained(ingest.source, ingest.description)),
    make("p", about.measured),
    scrollable(
      about.measured,
      [...about.columns, ...labels.map(about.recall)],
      subsets.map((subset) => row(subset, labels)),
    ),
  );
  if (groups.length) {
    const worst = groups.slice(0, MOST_GROUPS);
    byId("about").append(
      make("p", about.people),
      scrollable(about.people, about.peopleColumns, worst.map(groupRow)),
    );
  }
  byId("about").append(
    make("h3", about.limits),
    make("ul", ...about.not.map((words) => make("li", words))),
    make("p", `${groups.length ? "" : about.peopleNotMeasured}${about.hardest}`),
    make("p", licences),
  );
}

/** A table that scrolls sideways on a narrow screen. */
function scrollable(name: string, columns: string[], rows: HTMLTableRowElement[]): HTMLElement {
  const heads = columns.map((words) => {
    const head = make("th", words);
    head.scope = "col";
    return head;
  });
  const table = make("table", make("thead", make("tr", ...heads)), make("tbody", ...rows));
  const scroller = make("div", table);
  scroller.className = "scroller";
  scroller.tabIndex = 0; // the keyboard scrolls what has the focus
  scroller.role = "region";
  scroller.ariaLabel = name;
  return scroller;
}

/** Whether an entry of `evaluate.json` holds the figures of a subset or of an external test set. */
function isSubset(entry: [string, unknown]): entry is [string, Summary] {
  return (entry[1] as Partial<Summary>).recall_of_class !== undefined;
}

function row([name, figures]: [string, Summary], labels: string[]): HTMLTableRowElement {
  const [low, high] = figures.interval_95.accuracy.map(text.percent);
  const recalls: Partial<Record<string, number>> = figures.recall_of_class;
  const cells = [
    figures.images.toLocaleString("en"),
    text.percent(figures.accuracy),
    `${low} – ${high}`,
    ...labels.map((label) => {
      const recall = recalls[label];
      return recall === undefined ? "–" : text.percent(recall);
    }),
  ];
  const leaked = figures.train_overlap;
  return tableRow(about.subset(name) + (leaked ? about.leaky(leaked) : ""), cells);
}

interface GroupOfSet {
  name: string;
  label: string;
  images: number;
  errorRate: number;
  interval: [number, number];
}

function groupsOf([subset, figures]: [string, Summary]): GroupOfSet[] {
  return (figures.people?.groups ?? []).map((group: Group) => ({
    name: `${group.attribute} ${group.value} (${subset})`,
    label: group.label,
    images: group.images,
    errorRate: group.error_rate,
    interval: group.interval_95,
  }));
}

function groupRow(group: GroupOfSet): HTMLTableRowElement {
  const [low, high] = group.interval.map(text.percent);
  return tableRow(group.name, [
    group.label,
    group.images.toLocaleString("en"),
    text.percent(group.errorRate),
    `${low} – ${high}`,
  ]);
}

function tableRow(name: string, cells: string[]): HTMLTableRowElement {
  const head = make("th", name);
  head.scope = "row";
  return make("tr", head, ...cells.map((words) => make("td", words)));
}
