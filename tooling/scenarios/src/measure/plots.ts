import { drawChart, type Series } from './chart.ts'
import { mean, values, type Result } from './results.ts'

/** The figures of the page, by file name. */
export function plots(results: readonly Result[]): (readonly [string, string])[] {
  const figure = (file: string, svg: string): readonly [string, string] => [`overlay/${file}.svg`, svg]
  const average = (name: string, metric: string): number | undefined => {
    const found = values(results, name, metric)
    return found.length === 0 ? undefined : mean(found)
  }
  const series = (
    name: string,
    label: string,
    points: readonly (readonly [x: number, metric: string])[]
  ): Series => ({
    name: label,
    points: points.flatMap(([x, metric]) => {
      const value = average(name, metric)
      return value === undefined ? [] : [[x, value] as const]
    })
  })
  const sizes = ['100', '1000', '10000']
  return [
    figure(
      'degree',
      drawChart({
        title: 'Neighbours of a node after 10 shuffle cycles',
        x: 'neighbours',
        y: 'share of the nodes',
        bars: true,
        yMax: 1,
        series: sizes.map(size =>
          series(
            `overlay n=${size} 10 cycles`,
            `n = ${size}`,
            [0, 1, 2, 3, 4, 5].map(d => [d, `degreeShare${d}`])
          )
        )
      })
    ),
    figure(
      'delivery',
      drawChart({
        title: 'Deliveries of one sender in steady state',
        x: 'ms after the sending',
        y: 'percent of all deliveries',
        yMax: 100,
        series: sizes.map(size => deliveries(results, `broadcast one n=${size}`, `n = ${size}`))
      })
    ),
    figure(
      'recovery',
      drawChart({
        title: 'Messages after a share of the nodes died at once',
        x: 'message',
        y: 'share of the survivors reached',
        yMax: 1,
        series: [
          ['1000', '0.8'],
          ['1000', '0.9'],
          ['1000', '0.95'],
          ['10000', '0.8'],
          ['10000', '0.95']
        ].map(([size, fail]) =>
          series(
            `failures ${fail} n=${size}`,
            `${Number(fail) * 100} % of ${size}`,
            Array.from({ length: 10 }, (_, i) => [i, `reachOfMessage${i}`])
          )
        )
      })
    ),
    figure(
      'eclipse',
      drawChart({
        title: 'Hostile peers that flood, in the views of 200 nodes',
        x: 'minutes since the attack began',
        y: 'share of the view',
        yMax: 1,
        series: ['0.05', '0.1', '0.2'].flatMap(hostile =>
          ['active', 'passive'].map(view =>
            series(
              `eclipse ${hostile} n=200`,
              `${Number(hostile) * 100} %, ${view}`,
              [1, 2, 5, 10].map(minute => [minute, `${view}ShareAt${minute}`])
            )
          )
        )
      })
    )
  ]
}

/** Percent of the deliveries over time: the percentiles, turned round. */
function deliveries(results: readonly Result[], name: string, label: string): Series {
  const points = [1, 5, 10, 25, 50, 75, 90, 95, 99, 100].flatMap(percent => {
    const times = values(results, name, `deliveryMsP${percent}`)
    return times.length === 0 ? [] : [[mean(times), percent] as const]
  })
  return { name: label, points }
}
