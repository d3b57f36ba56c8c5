// Numbers as the page writes them: one way for bytes, probabilities, times and hashes. Missing numbers become a dash.

const DASH = '\u2013';
const SPACE = '\u00a0';
const MINUS = '\u2212';

/** 5 347 121 as "5.3 MB": decimal units, as operating systems show a file's size. */
export function bytes(count) {
  if (!Number.isFinite(count)) return DASH;
  if (count < 1000) return `${count}${SPACE}B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0)}${SPACE}kB`;
  return `${(count / 1e6).toFixed(1)}${SPACE}MB`;
}

/** 0.9241 as "92.4 %". What is not wholly 0 or 1 is never rounded to it. */
export function percent(share) {
  if (!Number.isFinite(share)) return DASH;
  if (share > 0 && share < 0.0005) return `<${SPACE}0.1${SPACE}%`;
  if (share < 1 && share > 0.9995) return `>${SPACE}99.9${SPACE}%`;
  return `${(share * 100).toFixed(1)}${SPACE}%`;
}

/** A difference of two probabilities in percentage points, always with its sign. */
export function points(difference) {
  if (!Number.isFinite(difference)) return DASH;
  const value = Math.abs(difference * 100).toFixed(1);
  if (value === '0.0') return '0.0';
  return `${difference < 0 ? MINUS : '+'}${value}`;
}

export function milliseconds(time) {
  if (!Number.isFinite(time)) return DASH;
  return time >= 10000 ? `${(time / 1000).toFixed(1)}${SPACE}s` : `${time.toFixed(1)}${SPACE}ms`;
}

export function seconds(time) {
  return `${Math.max(0, Math.ceil(time))}${SPACE}s`;
}

/** Width by height, in pixels. */
export function dimensions(width, height) {
  return `${width}\u202f\u00d7\u202f${height}`;
}

/** The first twelve digits: enough to tell two models apart by eye. */
export function shortHash(hash) {
  return hash ? hash.slice(0, 12) : DASH;
}

export function clock(date) {
  return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
