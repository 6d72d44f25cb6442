/**
 * A strict reader of Prometheus's text format, to check what the bridge writes.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: Sample[]
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y
const ESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' }

/** @throws {Error} naming the line that breaks a rule of the format */
export function readPrometheusText(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  let help: readonly string[] | undefined
  let family: Family | undefined
  for (const line of text.split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    if (line === '') continue
    const [, helped, helpText = ''] = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line) ?? []
    if (helped !== undefined) {
      help = [helped, helpText]
      continue
    }
    const [, typed, type] =
      new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line) ?? []
    if (typed !== undefined) {
      if (help?.[0] !== typed) fail('a TYPE without its HELP before it')
      if (families.has(typed)) fail('a family comes twice')
      family = { name: typed, help: help?.[1] ?? '', type: type as Family['type'], samples: [] }
      families.set(typed, family)
      continue
    }
    if (line.startsWith('#')) fail('a comment that is neither HELP nor TYPE')
    const [, name = '', labelText, valueText = ''] =
      new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`, 's').exec(line) ?? fail('no sample')
    const labels = readLabels(labelText ?? '') ?? fail('broken labels')
    const value = Number(valueText.replace(/^([+-])Inf$/, '$1Infinity'))
    if (Number.isNaN(value)) fail('no number')
    const id = `${name} ${JSON.stringify(Object.entries(labels).sort())}`
    if (seen.has(id)) fail('a series comes twice')
    seen.add(id)
    if (family === undefined || !belongsTo(name, family)) fail('a sample outside its family')
    else family.samples.push({ name, labels, value })
  }
  for (const each of families.values()) checkFamily(each)
  return families
}

function readLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const match = LABEL.exec(text)
    if (match === null) return undefined
    const [, name = '', value = ''] = match
    if (name in labels) return undefined
    labels[name] = value.replace(/\\["\\n]/g, (written) => ESCAPED[written] ?? written)
  }
  return labels
}

function belongsTo(name: string, { name: family, type }: Family): boolean {
  if (type !== 'histogram') return name === family
  return ['_bucket', '_sum', '_count'].some((suffix) => name === family + suffix)
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === 'counter') {
    if (!name.endsWith('_total')) throw new Error(`the counter ${name} does not end in _total`)
    if (samples.some(({ value }) => value < 0)) throw new Error(`${name} is below zero`)
  }
  if (type !== 'histogram') return
  const of = (suffix: string) => samples.filter((sample) => sample.name === name + suffix)
  for (const count of of('_count')) {
    const isSame = (labels: Sample['labels']) =>
      Object.entries(count.labels).every(([label, value]) => labels[label] === value)
    const buckets = of('_bucket').filter(({ labels }) => isSame(labels))
    const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')))
    const counts = buckets.map(({ value }) => value)
    const rises = (values: number[]) =>
      values.every((value, n) => n === 0 || value >= (values[n - 1] ?? 0))
    if (!rises(bounds) || !rises(counts)) throw new Error(`${name}: buckets do not rise`)
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== count.value) {
      throw new Error(`${name}: the +Inf bucket is not the count`)
    }
    if (of('_sum').filter(({ labels }) => isSame(labels)).length !== 1) {
      throw new Error(`${name}: not one sum`)
    }
  }
}

/** The one sample with these labels; undefined where there is none. */
export function valueIn(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  if (family === undefined) throw new Error(`no metric ${name}`)
  const found = family.samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)}: ${found.length} series`)
  return found[0]?.value
}
