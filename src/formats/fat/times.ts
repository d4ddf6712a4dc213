// Times of FAT: local time without a zone (kindling writes and reads UTC), whole two seconds, 1980 to 2107.

/** First and last second since 1970 that FAT holds. */
export const TIME_LEAST = Date.UTC(1980, 0, 1) / 1000;
export const TIME_MOST = Date.UTC(2107, 11, 31, 23, 59, 58) / 1000;

/** The two fields of a time. */
export interface FatTime {
  readonly date: number;
  readonly time: number;
}

/** Seconds since 1970 as FAT keeps them, rounded down to two seconds and into its range. */
export function toFatTime(seconds: number): FatTime {
  const at = new Date(Math.min(Math.max(seconds, TIME_LEAST), TIME_MOST) * 1000);
  const date = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  return { date, time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1) };
}

/** Seconds since 1970; a date that is none (zeros, month 15) counts as the first day FAT knows. */
export function fromFatTime({ date, time }: FatTime): number {
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  if (month < 1 || month > 12 || day < 1) return TIME_LEAST;
  return Date.UTC(year, month - 1, day, time >> 11, (time >> 5) & 63, (time & 31) * 2) / 1000;
}
