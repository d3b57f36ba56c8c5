// How pictures come in: by picker, folder, drag and drop, and paste. Files chosen one by one go to the server whatever they
// are, for it says best what is wrong; of a folder only what is named like a picture is taken, and the rest is counted.

const PICTURE_NAME = /\.(jpe?g|png)$/i;

/** Wires a file input. A folder's other files are left out and reported. */
export function wireInput(input, take) {
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = ''; // so that the same file can be chosen again
    if (input.webkitdirectory) take(...picturesOf(files));
    else take(files, 0);
  });
}

/** Wires drag and drop over the whole window; `area()` is the element that shows where the pictures will go. */
export function wireDrop(area, take) {
  let depth = 0;
  const show = () => {
    for (const marked of document.querySelectorAll('.is-target')) marked.classList.remove('is-target');
    if (depth > 0) area().classList.add('is-target');
  };
  const onlyFiles = (handler) => (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    handler(event);
    show();
  };
  window.addEventListener('dragenter', onlyFiles(() => (depth += 1)));
  window.addEventListener('dragleave', onlyFiles(() => (depth = Math.max(0, depth - 1))));
  window.addEventListener('dragover', onlyFiles((event) => (event.dataTransfer.dropEffect = 'copy')));
  window.addEventListener('drop', onlyFiles(async (event) => {
    depth = 0;
    take(...(await dropped(event.dataTransfer)));
  }));
}

/** Wires paste anywhere but in a text field. */
export function wirePaste(take) {
  document.addEventListener('paste', (event) => {
    if (event.target.closest?.('input, textarea')) return;
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    take(files.map(named), 0);
  });
}

/** Browsers call every pasted picture "image.png": the time tells them apart. */
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const time = new Date().toTimeString().slice(0, 8).replaceAll(':', '.');
  return new File([file], `pasted ${time}.${file.name.split('.').pop()}`, { type: file.type });
}

function picturesOf(files) {
  const pictures = files.filter((file) => PICTURE_NAME.test(file.name));
  return [pictures, files.length - pictures.length];
}

/** [files, how many were left out]. The entries must be asked for before the first await: afterwards they are gone. */
async function dropped(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  let leftOut = 0;
  for (const entry of entries) {
    if (entry instanceof File) files.push(entry);
    else if (entry?.isFile) files.push(await fileOf(entry));
    else if (entry?.isDirectory) {
      const [pictures, others] = picturesOf(await filesBelow(entry));
      files.push(...pictures);
      leftOut += others;
    }
  }
  return [files, leftOut];
}

function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

async function filesBelow(folder) {
  const files = [];
  const reader = folder.createReader();
  for (;;) {
    // A reader gives its entries in portions, and an empty one at the end.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return files;
    for (const entry of entries) files.push(...(entry.isDirectory ? await filesBelow(entry) : [await fileOf(entry)]));
  }
}
