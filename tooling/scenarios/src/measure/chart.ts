/** One line of a chart. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** What a chart shows. Axes begin at 0. */
export interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly series: readonly Series[]
  /** Bars beside each other instead of lines. */
  readonly bars?: boolean
  readonly yMax?: number
}

const WIDTH = 720
const HEIGHT = 400
const MARGIN = { left: 70, right: 170, top: 50, bottom: 60 }
const COLOURS = ['#1b6ca8', '#d1495b', '#2e933c', '#edae49', '#7a5195', '#66717e']
const INK = '#333333'

/** Draws a chart as SVG text: white ground, a legend on the right. */
export function drawChart(chart: Chart): string {
  const { left, right, top, bottom } = MARGIN
  const all = chart.series.flatMap(({ points }) => points)
  const xMax = Math.max(1, ...all.map(([x]) => x)) + (chart.bars === true ? 1 : 0)
  const yMax = chart.yMax ?? Math.max(Number.MIN_VALUE, ...all.map(([, y]) => y))
  const x = (value: number): number => left + (value / xMax) * (WIDTH - left - right)
  const y = (value: number): number => HEIGHT - bottom - (value / yMax) * (HEIGHT - top - bottom)
  const parts = [
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 26, chart.title, 'middle', 16),
    text((left + WIDTH - right) / 2, HEIGHT - 14, chart.x, 'middle'),
    `<g transform="rotate(-90 18 ${HEIGHT / 2})">${text(18, HEIGHT / 2, chart.y, 'middle')}</g>`
  ]
  for (const tick of ticks(yMax)) {
    parts.push(line(left, y(tick), WIDTH - right, y(tick), '#dddddd'))
    parts.push(text(left - 8, y(tick) + 4, String(tick), 'end'))
  }
  for (const tick of ticks(xMax)) {
    const at = chart.bars === true ? x(tick + 0.5) : x(tick)
    if (at <= WIDTH - right) parts.push(text(at, HEIGHT - bottom + 20, String(tick), 'middle'))
  }
  parts.push(line(left, HEIGHT - bottom, WIDTH - right, HEIGHT - bottom, INK))
  chart.series.forEach((series, i) => {
    const colour = COLOURS[i % COLOURS.length] as string
    parts.push(
      chart.bars === true ? bars(series, i, chart.series.length, colour, x, y) : curve(series, colour, x, y)
    )
    parts.push(
      `<rect x="${WIDTH - right + 14}" y="${top + 24 * i}" width="12" height="12" fill="${colour}"/>`
    )
    parts.push(text(WIDTH - right + 32, top + 24 * i + 11, series.name, 'start'))
  })
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif">\n${parts.join('\n')}\n</svg>\n`
}

type Scale = (value: number) => number

function curve({ points }: Series, colour: string, x: Scale, y: Scale): string {
  const path = points.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ')
  const dots = points.map(
    ([px, py]) => `<circle cx="${round(x(px))}" cy="${round(y(py))}" r="3" fill="${colour}"/>`
  )
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`
}

function bars({ points }: Series, at: number, of: number, colour: string, x: Scale, y: Scale): string {
  const width = ((x(1) - x(0)) * 0.8) / of
  const drawn = points.map(([px, py]) => {
    const from = x(px + 0.1) + at * width
    return `<rect x="${round(from)}" y="${round(y(py))}" width="${round(width)}" height="${round(y(0) - y(py))}" fill="${colour}"/>`
  })
  return drawn.join('')
}

/** Four to ten round steps from 0. */
function ticks(max: number): number[] {
  const rough = max / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough) ?? rough
  const list: number[] = []
  for (let i = 0; i * step <= max * 1.0001; i++) list.push(Number((i * step).toPrecision(6)))
  return list
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"/>`
}

function text(x: number, y: number, content: string, anchor: string, size = 13): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}" fill="${INK}">${safe}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
