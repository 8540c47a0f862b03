/** What is counted over all topics. */
export interface Counters {
  framesSent: number
  framesReceived: number
  bytesSent: number
  bytesReceived: number
  payloadsDropped: number
  queueOverflows: number
  malformed: number
  unknownTopics: number
  offendersClosed: number
  peersRefused: number
  listenersFailed: number
}

export function newCounters(): Counters {
  return {
    framesSent: 0,
    framesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    payloadsDropped: 0,
    queueOverflows: 0,
    malformed: 0,
    unknownTopics: 0,
    offendersClosed: 0,
    peersRefused: 0,
    listenersFailed: 0
  }
}
