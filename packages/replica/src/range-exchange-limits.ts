/**
 * Keys whose entries go back in one session, waiting or sent. Beyond it received entries are dropped unread and left to another
 * round. Guess: a removal of a quarter of a million keys that one side has missed is told in one round.
 */
export const BACK_KEYS_MAX = 262_144

/** Peers of which a replica remembers what they knew, to exchange differences. Guess: several times an overlay's neighbours. */
export const KNOWN_PEERS_MAX = 64

/** Replica ids in all that is remembered of peers, about 100 bytes each. Guess: what 64 peers of a cluster of 1,000 have. */
export const KNOWN_IDS_REMEMBERED_MAX = 131_072

/** Parts of one entry. Guess: rows of 2 MiB each in parts of 1 KiB. */
export const ENTRY_PARTS_MAX = 4096

/** Entries that a round may move without making a difference here before it counts as one in vain. Guess: what a burst of writes overlaps by. */
export const VAIN_ENTRIES = 64
