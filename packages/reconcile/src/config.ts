/** Slots of a page of the tree: items in a leaf, pages in a branch. Source: measured, see the README. */
export const PAGE_SLOTS = 128

/** Greatest `ref` of an item. */
export const REF_MAX = 0xffff_ffff
