// Reads a picture's size from the first bytes of a JPEG or PNG, without decoding it. Only for what the page shows and offers:
// the server judges the file itself.

const FIRST_BYTES = 512 * 1024;

/** {format, width, height, bits, turned}, or null when the bytes do not tell. `turned`: the camera notes a rotation. */
export async function readHeader(file) {
  try {
    const view = new DataView(await file.slice(0, FIRST_BYTES).arrayBuffer());
    return pngHeader(view) ?? jpegHeader(view);
  } catch {
    return null; // damaged, cut off or unreadable: the server will say so in words
  }
}

function pngHeader(view) {
  if (view.byteLength < 26 || view.getUint32(0) !== 0x89504e47) return null;
  return { format: 'PNG', width: view.getUint32(16), height: view.getUint32(20), bits: view.getUint8(24), turned: false };
}

function jpegHeader(view) {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  let turned = false;
  for (let at = 2; at + 9 < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker === 0xffe1) turned ||= exifTurned(view, at + 4);
    if (isFrame(marker)) {
      return { format: 'JPEG', bits: view.getUint8(at + 4), height: view.getUint16(at + 5), width: view.getUint16(at + 7), turned };
    }
  }
  return null;
}

/** SOF0 to SOF15, without the three markers between them that mean something else. */
function isFrame(marker) {
  return marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
}

/** Whether the Exif segment's orientation (tag 0x0112) is another than 1, upright. */
function exifTurned(view, at) {
  if (view.getUint32(at) !== 0x45786966) return false;
  const tiff = at + 6;
  const little = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, little);
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry++) {
    const field = directory + 2 + entry * 12;
    if (view.getUint16(field, little) === 0x0112) return view.getUint16(field + 8, little) > 1;
  }
  return false;
}
