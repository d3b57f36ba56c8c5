// The page's two small dialogs: asking for the server's token, and showing a picture as large as the window allows.

import { setTokenAsker } from './api.js';
import { button } from './controls.js';
import { element, fill } from './dom.js';

/** Lets api.js ask for a token by `dialog`. The token goes to api.js and is taken out of the field at once. */
export function wireTokenDialog(dialog) {
  const form = dialog.querySelector('form');
  const field = dialog.querySelector('input');
  const wrong = dialog.querySelector('[data-wrong]');
  setTokenAsker((refused) => {
    wrong.hidden = !refused;
    field.setAttribute('aria-invalid', String(refused));
    dialog.showModal();
    return new Promise((resolve) => {
      let answer = null;
      const take = (event) => {
        event.preventDefault();
        answer = field.value.trim() || null;
        dialog.close();
      };
      form.addEventListener('submit', take);
      dialog.addEventListener('close', () => {
        form.removeEventListener('submit', take);
        field.value = '';
        resolve(answer);
      }, { once: true });
    });
  });
  dialog.querySelector('[data-decline]').addEventListener('click', () => dialog.close());
}

/** Shows an item's own file in `dialog`. The address it needs lives only as long as the dialog is open. */
export function showPicture(dialog, item) {
  const address = URL.createObjectURL(item.file);
  const title = element('h2', { id: 'picture-title', class: 'card-title', text: item.name });
  fill(
    dialog,
    element('header', { class: 'dialog-head' }, title, button('Close', { picture: 'cancel', about: 'the picture', onClick: () => dialog.close() })),
    element('img', { class: 'picture-whole', src: address, alt: `The picture ${item.name} as it was added` }),
  );
  dialog.addEventListener('close', () => {
    URL.revokeObjectURL(address);
    fill(dialog);
  }, { once: true });
  dialog.showModal();
}
