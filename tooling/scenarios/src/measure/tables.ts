import { ALL_KINDS, KINDS } from './matrix.ts'

/** What a figure is to be. */
export interface Goal {
  readonly limit: number
  readonly better: 'lower' | 'higher'
}

/** One column of a table: a metric, how it is shown, and what it is to be in each row. */
export interface Column {
  readonly heading: string
  readonly metric: string
  readonly digits: number
}

/** One row: a case of the matrix, what its figures are to be, and what another system had in the same setting. */
export interface Row {
  readonly label: string
  readonly name: string
  readonly goals: Readonly<Record<string, Goal>>
  /** By metric, as published figures beside ours. */
  readonly other?: Readonly<Record<string, string>>
}

export interface Table {
  readonly heading: string
  readonly text: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

const atMost = (limit: number): Goal => ({ limit, better: 'lower' })
const atLeast = (limit: number): Goal => ({ limit, better: 'higher' })

const column = (heading: string, metric: string, digits: number): Column => ({ heading, metric, digits })

const LIVENESS_GOALS = { connectedMs: atMost(60_000), missedAfterHeal: atMost(0) }

/** Who is cut off is alone for as long as that lasts; with churn nobody has to be. */
const CHURN_GOALS = { ...LIVENESS_GOALS, isolatedMsMax: atMost(30_000) }

type Others = Readonly<Record<string, Readonly<Record<string, string>>>>

/** iroh-gossip 0.101.0 in the same settings, four seeds (one at 10,000 nodes after failures). */
const IROH_OVERLAY: Others = {
  '1000': overlayOf('0.0665', '6.29', '0.54', '3', '0', '29.7', '8.01'),
  '10000': overlayOf('0.0650', '12.9', '0.57', '3', '0', '30.2', '8.34')
}

const IROH_BROADCAST: Others = {
  'one/100': broadcastOf('0.077', '185', '6.8', '2.31'),
  'one/1000': broadcastOf('0.072', '359', '13.3', '2.17'),
  'one/10000': broadcastOf('0.080', '1276', '48.0', '2.18'),
  'random/100': broadcastOf('0.457', '308', '10.0', '2.73'),
  'random/1000': broadcastOf('0.462', '626', '20.7', '2.62'),
  'random/10000': broadcastOf('0.396', '1487', '51.4', '2.55')
}

const IROH_FAILURES: Others = {
  '0.1/1000': failuresOf('1.000', '0', '1.000'),
  '0.3/1000': failuresOf('1.000', '0', '1.000'),
  '0.5/1000': failuresOf('0.9985', '0 to 1', '1.000'),
  '0.8/1000': failuresOf('0.460', '1 to 2', '1.000'),
  '0.9/1000': failuresOf('0.015', '2 to never', '0.9975'),
  '0.95/1000': failuresOf('0.010', 'never', '0.872'),
  '0.5/10000': failuresOf('0.9986', '1', '1.000'),
  '0.8/10000': failuresOf('0.000', '1', '1.000'),
  '0.9/10000': failuresOf('0.002', 'never', '0.995'),
  '0.95/10000': failuresOf('0.000', 'never', '0.952')
}

function overlayOf(
  clustering: string,
  path: string,
  full: string,
  least: string,
  oneSided: string,
  join: string,
  shuffle: string
): Record<string, string> {
  return {
    clusteringCoefficient: clustering,
    averagePathLength: path,
    fullDegreeShare: full,
    minDegree: least,
    asymmetricLinks: oneSided,
    joinMessagesPerNode: join,
    shuffleMessagesPerNodePerCycle: shuffle
  }
}

function broadcastOf(redundancy: string, last: string, hop: string, control: string): Record<string, string> {
  return {
    relativeMessageRedundancy: redundancy,
    lastDeliveryMs: last,
    lastDeliveryHop: hop,
    controlMessagesPerDelivery: control,
    missed: '0'
  }
}

function failuresOf(first: string, full: string, last: string): Record<string, string> {
  return { firstMessageReach: first, fullDeliveryIndex: full, lastMessageReach: last }
}

const OVERLAY_GOALS = {
  clusteringCoefficient: atMost(0.0005),
  averagePathLength: atMost(6.4),
  fullDegreeShare: atLeast(0.995),
  minDegree: atLeast(4),
  asymmetricLinks: atMost(0),
  joinMessagesPerNode: atMost(30),
  settlingMessagesPerNode: atMost(40),
  shuffleMessagesPerNodePerCycle: atMost(7.5)
}

const overlay: Table = {
  heading: 'Overlay',
  text: 'All nodes join node 0 at the same moment. A random graph of degree 5 has a clustering of 0.0039 and 0.00033 and a path of 4.71 and 6.365 at 1,000 and 10,000 nodes. The goals are those for 10,000 nodes. Messages to join: until 1 s after the start; to settle: with all requests and swaps, but not the shuffles they ride on, of the first two cycles; a cycle: everything after the first second, the settling included.',
  columns: [
    column('clustering', 'clusteringCoefficient', 5),
    column('path', 'averagePathLength', 3),
    column('full degree', 'fullDegreeShare', 4),
    column('least degree', 'minDegree', 0),
    column('one-sided', 'asymmetricLinks', 0),
    column('messages to join', 'joinMessagesPerNode', 1),
    column('and to settle', 'settlingMessagesPerNode', 1),
    column('messages a cycle', 'shuffleMessagesPerNodePerCycle', 2)
  ],
  rows: ['100', '1000', '10000'].flatMap(size =>
    ['5', '10', '50'].map(cycles => ({
      label: `${size} nodes, ${cycles} cycles`,
      name: `overlay n=${size} ${cycles} cycles`,
      goals: size === '10000' ? OVERLAY_GOALS : { asymmetricLinks: atMost(0) },
      ...(cycles === '50' ? { other: IROH_OVERLAY[size] ?? {} } : {})
    }))
  )
}

const broadcast: Table = {
  heading: 'Broadcast',
  text: 'Thirty messages on a warm overlay, the first one included: it finds no tree and has to make one.',
  columns: [
    column('redundancy', 'relativeMessageRedundancy', 4),
    column('last delivery, ms', 'lastDeliveryMs', 0),
    column('first message, ms', 'firstMessageMs', 0),
    column('last hop', 'lastDeliveryHop', 1),
    column('control messages', 'controlMessagesPerDelivery', 2),
    column('steady', 'steadyControlMessagesPerDelivery', 2),
    column('missed', 'missed', 0)
  ],
  rows: [
    ...['100', '1000', '10000'].map((size, i) => broadcastRow('one', size, [135, 195, 255][i] ?? 0, i)),
    ...['100', '1000', '10000'].map((size, i) => broadcastRow('random', size, [240, 320, 430][i] ?? 0, i)),
    {
      label: 'all at once, 20 nodes',
      name: 'broadcast all n=20',
      goals: { missed: atMost(0) },
      other: { relativeMessageRedundancy: '1.442', lastDeliveryMs: '458', lastDeliveryHop: '5.4' }
    },
    {
      label: 'all at once, 100 nodes',
      name: 'broadcast all n=100',
      goals: { relativeMessageRedundancy: atMost(0.5), lastDeliveryMs: atMost(900), missed: atMost(0) },
      other: { relativeMessageRedundancy: '1.059', lastDeliveryMs: '703', lastDeliveryHop: '10.1' }
    },
    ...['100', '1000'].map(size => ({
      label: `random, 5 % of all messages lost, ${size} nodes`,
      name: `broadcast 5 % loss n=${size}`,
      goals: { missed: atMost(0) }
    }))
  ]
}

const failures: Table = {
  heading: 'Failures',
  text: 'A share of the nodes dies at once; their neighbours learn of it one link delay later. Then messages of random survivors, one every 3 s.',
  columns: [
    column('first message reached', 'firstMessageReach', 4),
    column('all reached from message', 'fullDeliveryIndex', 1),
    column('last message reached', 'lastMessageReach', 4),
    column('redundancy at most 0.01 from message', 'lowRedundancyIndex', 1),
    column('messages a survivor', 'messagesPerSurvivor', 0)
  ],
  rows: ['1000', '10000'].flatMap(size =>
    ['0.1', '0.3', '0.5', '0.8', '0.9', '0.95'].map(fail => ({
      label: `${Number(fail) * 100} % of ${size}`,
      name: `failures ${fail} n=${size}`,
      goals: {
        ...(fail === '0.95' ? {} : { firstMessageReach: atLeast(0.99), fullDeliveryIndex: atMost(1) }),
        lastMessageReach: atLeast(1),
        lowRedundancyIndex: atMost(40)
      },
      other: IROH_FAILURES[`${fail}/${size}`] ?? {}
    }))
  )
}

const churn: Table = {
  heading: 'Churn and partitions',
  text: 'Churn: ten minutes in which so many of the nodes go each minute, three in ten with a goodbye, and come back after half a minute on average. Partitions: five minutes. “Connected”: from the end of all that to one overlay. “Reach”: of the nodes connected with the sender, from a broadcast until 30 s later, the share that got it meanwhile; “missed” counts those that did not, from a minute after the end. No published figures were found to put beside these.',
  columns: [
    column('connected, ms', 'connectedMs', 0),
    column('one overlay, share of the time', 'connectedShare', 3),
    column('alone at most, ms', 'isolatedMsMax', 0),
    column('reach', 'reachWhileConnected', 5),
    column('missed afterwards', 'missedAfterHeal', 0),
    column('redundancy afterwards', 'redundancyAfterHeal', 4)
  ],
  rows: ['100', '1000'].flatMap(size => [
    ...['0.1', '0.5'].map(rate => ({
      label: `churn, ${Number(rate) * 100} % a minute, ${size} nodes`,
      name: `churn ${rate} n=${size}`,
      goals: CHURN_GOALS
    })),
    ...(size === '100' ? ALL_KINDS : KINDS).map(kind => ({
      label: `${kind}, ${size} nodes`,
      name: `partition ${kind} n=${size}`,
      goals: LIVENESS_GOALS
    }))
  ])
}

const eclipse: Table = {
  heading: 'Hostile nodes',
  text: 'A standing overlay of 200 nodes, the given share of them hostile: after 15 quiet minutes they attack for 10. All name none but each other, send a poisoned shuffle every second, answer every walk that comes their way and pass no broadcast on. Those that poison ask for one link a minute and keep five; those that flood ask a random honest node every second, by a join or with the highest priority, keep up to 1,000 links and forge joins of their fellows.',
  columns: [
    column('active views', 'activeShare', 3),
    column('passive views', 'passiveShare', 3),
    column('surrounded', 'eclipsedShare', 4),
    column('honest overlay', 'largestHonestComponent', 4),
    column('reach', 'reachMean', 4),
    column('worst reach', 'reachMin', 4)
  ],
  rows: ['poison', 'eclipse'].flatMap(attack =>
    ['0.05', '0.1', '0.2'].map(hostile => ({
      label: `${Number(hostile) * 100} % that ${attack === 'poison' ? attack : 'flood'}`,
      name: `${attack} ${hostile} n=200`,
      goals: {
        activeShare: atMost(1.5 * Number(hostile)),
        passiveShare: atMost(2 * Number(hostile)),
        reachMean: atLeast(0.99)
      }
    }))
  )
}

export function tables(): readonly Table[] {
  return [overlay, broadcast, failures, churn, eclipse]
}

function broadcastRow(senders: 'one' | 'random', size: string, lastMs: number, at: number): Row {
  const goals: Record<string, Goal> = {
    relativeMessageRedundancy: atMost(0.005),
    lastDeliveryMs: atMost(lastMs),
    firstMessageMs: atMost([420, 550, 750][at] ?? 0),
    missed: atMost(0)
  }
  if (size === '1000') {
    goals['controlMessagesPerDelivery'] = atMost(1.05)
    goals['steadyControlMessagesPerDelivery'] = atMost(1)
  }
  const who = senders === 'one' ? 'one sender' : 'random sender'
  return {
    label: `${who}, ${size} nodes`,
    name: `broadcast ${senders} n=${size}`,
    goals,
    other: IROH_BROADCAST[`${senders}/${size}`] ?? {}
  }
}
