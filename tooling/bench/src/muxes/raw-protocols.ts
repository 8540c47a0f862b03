/** Takes as many bytes as its first eight say, then answers one. */
export const RAW_SINK = '/starling-bench/sink/1'

/** Sends back what comes. */
export const RAW_ECHO = '/starling-bench/echo/1'

/** Answers the first byte with one. */
export const RAW_ONE = '/starling-bench/one/1'

/** Streams of one of these protocols that may be open at once. */
export const RAW_STREAMS_MAX = 64
