// What a smaller copy of a large picture would save, measured by making it. A copy has other pixels and may give other
// findings, so one is only ever sent when a person asks for it, and is marked as a copy wherever it is shown.

const LONGER_SIDE = 1600;
const QUALITY = 0.92;
const WORTH_OFFERING_BYTES = 1.5e6;
const LEAST_SAVING = 0.3;

/** {width, height, bytes, saving} of the copy that `reducedCopy` would make; null where none is worth offering or honest. */
export async function measureReduction(file, picture) {
  // A canvas has 8 bits a sample and turns pictures upright: both would change more than the size.
  if (file.size < WORTH_OFFERING_BYTES || picture.bits > 8 || picture.turned) return null;
  if (Math.max(picture.width, picture.height) <= LONGER_SIDE) return null;
  const copy = await encode(file, picture).catch(() => null);
  if (!copy || copy.blob.size > file.size * (1 - LEAST_SAVING)) return null;
  return { width: copy.width, height: copy.height, bytes: copy.blob.size, saving: 1 - copy.blob.size / file.size };
}

/** The smaller copy as a file whose name says what it is. */
export async function reducedCopy(item) {
  const copy = await encode(item.file, item.picture);
  const stem = item.name.replace(/\.[^.]*$/, '');
  return new File([copy.blob], `${stem} (reduced to ${copy.width}x${copy.height}).jpg`, { type: 'image/jpeg' });
}

async function encode(file, { width, height }) {
  const scale = LONGER_SIDE / Math.max(width, height);
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const bitmap = await createImageBitmap(file, { resizeWidth: size.width, resizeHeight: size.height, resizeQuality: 'high' });
  const canvas = new OffscreenCanvas(size.width, size.height);
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  bitmap.close();
  return { ...size, blob: await canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY }) };
}
