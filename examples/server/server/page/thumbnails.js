// Small pictures for the queue and the cards. One at a time, so that thirty photographs are not decoded at once; the
// addresses they get are revoked when their item leaves.

import { readHeader } from './picture_header.js';
import { measureReduction } from './reduced_copy.js';

const THUMBNAIL_WIDTH = 320;

/** Gives every item of `queue` what its file shows: `picture` (its size), `thumbnail` (an address) and `reduction`. */
export function keepThumbnails(queue) {
  let last = Promise.resolve();
  const kept = new Set();
  queue.addEventListener('added', ({ detail: item }) => {
    kept.add(item);
    last = last.then(() => kept.has(item) && describe(queue, item, kept)).catch(() => null);
  });
  queue.addEventListener('removed', ({ detail: item }) => {
    kept.delete(item);
    if (item.thumbnail) URL.revokeObjectURL(item.thumbnail);
  });
}

async function describe(queue, item, kept) {
  const picture = await readHeader(item.file);
  if (!picture) return;
  queue.note(item, { picture });
  const thumbnail = await thumbnailOf(item.file);
  if (!thumbnail) return;
  if (!kept.has(item)) URL.revokeObjectURL(thumbnail);
  else queue.note(item, { thumbnail });
  if (item.reducedFrom === null) queue.note(item, { reduction: await measureReduction(item.file, picture) });
}

/** The address of a small JPEG; null for a file that the browser cannot show. */
async function thumbnailOf(file) {
  try {
    const bitmap = await createImageBitmap(file, { resizeWidth: THUMBNAIL_WIDTH, resizeQuality: 'medium' });
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    bitmap.close();
    return URL.createObjectURL(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 }));
  } catch {
    return null;
  }
}
