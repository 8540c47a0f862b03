import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import type { RateColumns, Rates } from '../model/rates.ts'
import { useMedia, useWidth } from './media.ts'

interface Curve {
  readonly name: keyof Rates
  readonly label: string
  /** A custom property of the page that holds its colour. */
  readonly colour: string
  /** Lengths of dashes and gaps, so that curves differ by more than colour. */
  readonly dash?: readonly number[]
}

interface PlotProps {
  readonly title: string
  readonly curves: readonly Curve[]
  readonly columns: RateColumns
  readonly format: (perSecond: number) => string
}

const HEIGHT = 140

/** Rates over the last ten minutes, with the newest ones in words. */
export function Plot({ title, curves, columns, format }: PlotProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot>(undefined)
  const width = useWidth(frame)
  const dark = useMedia('(prefers-color-scheme: dark)')
  const newest = columns.rates.at(-1)

  useEffect(() => {
    if (frame.current === null || width === 0) return
    const made = new UPlot(optionsFor(curves, format, width), dataFor(curves, columns), frame.current)
    plot.current = made
    return () => made.destroy()
    // The colours are read when it is made.
  }, [dark, width > 0])
  useEffect(() => plot.current?.setSize({ width, height: HEIGHT }), [width])
  useEffect(() => plot.current?.setData(dataFor(curves, columns)), [columns])

  return (
    <figure class="plot">
      <figcaption>
        <h3>{title}</h3>
        <ul>
          {curves.map(({ name, label, colour, dash }) => (
            <li key={name}>
              <svg width="18" height="8" aria-hidden="true">
                <line
                  x1="0"
                  y1="4"
                  x2="18"
                  y2="4"
                  class={`curve ${colour}`}
                  stroke-dasharray={dash?.join(' ') ?? 'none'}
                />
              </svg>
              {label} <b>{format(newest?.[name] ?? 0)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={frame} class="plot-frame" aria-hidden="true" />
    </figure>
  )
}

function dataFor(curves: readonly Curve[], { seconds, rates }: RateColumns): UPlot.AlignedData {
  return [[...seconds], ...curves.map(({ name }) => rates.map(sample => sample[name]))]
}

function optionsFor(curves: readonly Curve[], format: (n: number) => string, width: number): UPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: colour('quiet'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif'
  }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 28, 0, 0],
    // At least a minute is shown, in whole seconds.
    scales: {
      x: { range: (_, least, most) => [Math.min(least, most - 60), most] },
      y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] }
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 80,
        incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300],
        values: (_, splits) => splits.map(clockTime)
      },
      { ...axis, size: 58, space: 34, values: (_, splits) => splits.map(format) }
    ],
    series: [
      {},
      ...curves.map(({ label, colour: name, dash }) => ({
        label,
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
        ...(dash === undefined ? {} : { dash: [...dash] })
      }))
    ]
  }
}

function clockTime(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString('en-GB')
}
