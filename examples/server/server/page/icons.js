// The page's icons, drawn as strokes on a 20 by 20 grid. They only accompany words, so they are hidden from screen readers.

const SVG = 'http://www.w3.org/2000/svg';

const PATHS = {
  add: 'M10 4v12M4 10h12',
  cancel: 'M5 5l10 10M15 5L5 15',
  check: 'M4 10.5l4 4 8-9',
  compare: 'M3 4h5v12H3zM12 4h5v12h-5z',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  download: 'M10 3v9M6 8.5l4 4 4-4M4 16.5h12',
  error: 'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM10 6v5M10 13.5v.5',
  folder: 'M2.5 15.5v-11h5l2 2h8v9z',
  information: 'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM10 9v5M10 6v.5',
  key: 'M13 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l-7 7M5 15l2 2',
  moon: 'M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8z',
  none: 'M5 10h10',
  picture: 'M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.5v.5',
  positive: 'M10 5a5 5 0 1 0 0 10 5 5 0 0 0 0-10z',
  retry: 'M16 10a6 6 0 1 1-2-4.5M16 3v3.5h-3.5',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6L16 16M4 16l1.4-1.4M14.6 5.4L16 4',
  system: 'M2.5 4h15v10h-15zM7 17h6M10 14v3',
  upload: 'M10 13V4M6 7.5l4-4 4 4M3 12.5v4h14v-4',
  warning: 'M10 3l7.5 13.5h-15zM10 8v4M10 14v.5',
};

/** A picture of `name`; `filled` paints its inside too. */
export function icon(name, { filled = false } = {}) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', filled ? 'icon icon-filled' : 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
