// The page's small controls: a button with an icon, a copyable hash, a progress track.

import { element, fill, hiddenText, setText, setVariable } from './dom.js';
import { icon } from './icons.js';
import { shortHash } from './format.js';
import { announce } from './announce.js';

/** A button. `about` is read out after the label, so that thirty "Cancel" buttons can be told apart. */
export function button(label, { picture, about, kind = 'quiet', onClick }) {
  return element(
    'button',
    { type: 'button', class: `button button-${kind}`, on: { click: onClick } },
    picture ? icon(picture) : null,
    element('span', { text: label }),
    about ? hiddenText(` ${about}`) : null,
  );
}

/** A shortened hash with a button that copies all of it. */
export function copyableHash(hash, what) {
  const short = element('code', { class: 'hash', text: shortHash(hash), title: hash });
  const label = element('span', { text: 'Copy' });
  const copy = element(
    'button',
    { type: 'button', class: 'button button-tiny', on: { click: () => copyHash(hash, short, label, what) } },
    icon('copy'),
    label,
    hiddenText(` full ${what}`),
  );
  return element('span', { class: 'hash-line' }, short, copy);
}

async function copyHash(hash, short, label, what) {
  if (await copied(hash)) {
    setText(label, 'Copied');
    announce(`Full ${what} copied.`);
    setTimeout(() => setText(label, 'Copy'), 2000);
    return;
  }
  // Without permission, or over plain http, the whole hash is shown to be copied by hand.
  setText(short, hash);
  short.classList.add('hash-whole');
  getSelection().selectAllChildren(short);
  announce(`The browser does not allow copying. The full ${what} is shown and selected.`);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A progress bar whose parts are the stages of an analysis. `update(state, sent, total)` moves it. */
export function stageTrack(name) {
  const bar = element('div', { class: 'track', role: 'progressbar', 'aria-label': `Progress of ${name}`, 'aria-valuemin': 0, 'aria-valuemax': 100 });
  const parts = STAGES.map(() => element('span', { class: 'track-part' }));
  fill(bar, parts);
  const update = (state, sent, total, text) => {
    const reached = STAGES.indexOf(state);
    const share = total > 0 ? Math.min(1, sent / total) : 0;
    parts.forEach((part, at) => {
      part.dataset.part = at < reached ? 'past' : at === reached ? 'now' : 'ahead';
      setVariable(part, 'share', at < reached ? '100%' : at === reached && state === 'uploading' ? `${(share * 100).toFixed(1)}%` : '0%');
    });
    bar.setAttribute('aria-valuenow', Math.round(progressOf(state, share)));
    bar.setAttribute('aria-valuetext', text);
  };
  return { bar, update };
}

const STAGES = ['uploading', 'received', 'decoding', 'queued', 'running'];

/** How far along an item is, 0 to 100: the upload is half of it, the server's stages are the rest. */
export function progressOf(state, share) {
  if (state === 'done' || state === 'failed' || state === 'cancelled') return 100;
  const reached = STAGES.indexOf(state);
  if (reached <= 0) return reached === 0 ? share * 50 : 0;
  return 50 + (reached - 1) * 12.5;
}
