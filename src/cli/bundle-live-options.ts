// The options of kindling bundle add and remove, apart from what they do so that help does not load it.

/** Options of these two actions. */
export const BUNDLE_LIVE_OPTIONS = {
  now: { summary: 'add, remove: only in the running system' },
  next: { summary: 'add, remove: only on the medium, for the boots to come' },
} as const;
