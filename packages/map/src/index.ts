/**
 * @packageDocumentation
 *
 * The replicated map people use: an ES Map with asynchronous writes, on every node.
 */
export {}
