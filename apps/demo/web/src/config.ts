/** Limits of the page: however long it stays open, it holds and draws no more than this. All are guesses unless said. */

/** Lines of the event log that are kept and drawn. */
export const LOG_LINES_MAX = 500
/** One sample of the plots per so many milliseconds of the cluster's time. */
export const PLOT_STEP_MS = 1_000
/** Ten minutes of samples. */
export const PLOT_SAMPLES_MAX = 600
/** Dots on the overlay at once, waiting ones included. */
export const DOTS_MAX = 48
/** Broadcasts whose first sighting is remembered, to place their later hops in time. */
export const BROADCASTS_REMEMBERED_MAX = 512
/** A node is said to differ after it has done so this long: pulses are up to a second apart, and a write arrives in between. */
export const DIFFERS_AFTER_MS = 1_500
/** How long after its first sighting a broadcast is shown: pulses of other nodes come up to a second later. */
export const TRAFFIC_DELAY_MS = 1_100
/** How long a dot is on one link: a thousand times slower than on loopback, so that it can be seen. */
export const HOP_MS = 550
/** Entries of a map on one page of the table. */
export const ENTRIES_PER_PAGE = 12
/** Characters of a value in the table; all of it is in the dialogue. */
export const VALUE_CHARS_MAX = 160
/** Characters of the text of an inspection that are drawn. */
export const INSPECTION_CHARS_MAX = 60_000
/** News is drawn at most this often. */
export const DRAW_EVERY_MS = 250
/** A map that changes is read again at most this often. */
export const REREAD_EVERY_MS = 400
/** First pause before a stream that broke is opened again; doubled up to the greatest. */
export const RECONNECT_MS_MIN = 500
export const RECONNECT_MS_MAX = 8_000
/** A stream of pulses that is silent this long is taken for broken: pulses come every second. */
export const SILENCE_MS_MAX = 8_000
/**
 * A page out of sight gives its streams back after this long: a browser keeps six connections to one address, and three forgotten
 * tabs would use them up.
 */
export const HIDDEN_MS_MAX = 5_000
/** A request to the API is given up after this long. */
export const REQUEST_MS_MAX = 15_000
/** Notices shown at once. */
export const NOTICES_MAX = 3
