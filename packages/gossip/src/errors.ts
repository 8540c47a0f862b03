/** The topic was left, or gossip stopped. Join the topic again to use it. */
export class TopicLeftError extends Error {
  override readonly name = 'TopicLeftError'
  readonly topic: string

  constructor(topic: string) {
    super(`The topic ${JSON.stringify(topic)} was left; join it again to use it`)
    this.topic = topic
  }
}

/** Gossip was stopped. Create another one. */
export class GossipStoppedError extends Error {
  override readonly name = 'GossipStoppedError'

  constructor() {
    super('Gossip has been stopped; create another one')
  }
}

/** Too many topics. Leave some, or raise `topicsMax`. */
export class TopicLimitError extends Error {
  override readonly name = 'TopicLimitError'
  readonly topicsMax: number

  constructor(topicsMax: number) {
    super(`At most ${topicsMax} topics can be joined at once; leave some or raise topicsMax`)
    this.topicsMax = topicsMax
  }
}

/** Why gossip aborted its channel to a peer: it is what the channel's iterator throws; nothing needs to be done. */
export class GossipChannelError extends Error {
  override readonly name = 'GossipChannelError'
  readonly peer: string
  readonly reason: string

  constructor(peer: string, reason: string) {
    super(`The gossip channel of ${peer} was closed: ${reason}`)
    this.peer = peer
    this.reason = reason
  }
}
