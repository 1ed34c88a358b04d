/** Metrics of one process in Prometheus' text format, and the labels that tell it from the others. */
export interface LabelledMetrics {
  labels: Readonly<Record<string, string>>;
  text: string;
}

/** One text of all: each family once, with the samples of every process, whose labels are added. */
export function mergeMetrics(parts: readonly LabelledMetrics[]): string {
  const families = new Map<string, { head: string[]; samples: string[] }>();
  for (const { labels, text } of parts) {
    const added = Object.entries(labels)
      .map(([name, value]) => `${name}="${value}"`)
      .join(',');
    let current = '';
    for (const line of text.split('\n')) {
      const head = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (head) current = head[1]!;
      const family = families.get(current) ?? { head: [], samples: [] };
      families.set(current, family);
      if (head && !family.head.includes(line)) family.head.push(line);
      const sample = head ? null : /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (.*)$/.exec(line);
      if (sample) family.samples.push(`${sample[1]}{${added}${sample[2] ? `,${sample[2]}` : ''}} ${sample[3]}`);
    }
  }
  return [...families.values()].flatMap(({ head, samples }) => [...head, ...samples, '']).join('\n');
}
