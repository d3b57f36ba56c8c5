// The queue as people see it: one row a picture that is waiting, under way, failed or cancelled. What is done leaves the
// queue and becomes a result card.

import { button, stageTrack } from './controls.js';
import { element, fill, setText } from './dom.js';
import { bytes, dimensions, percent, seconds } from './format.js';
import { icon } from './icons.js';
import { explain, remedyOf, sentence } from './messages.js';
import { ENDED, RUNNING, canRetry } from './queue.js';
import { reductionText } from './size_hint.js';

const STATES = {
  waiting: 'Waiting',
  received: 'Received by the server',
  decoding: 'Decoding',
  queued: 'Queued for the model',
  running: 'Model is running',
  cancelled: 'Cancelled',
};

/** Keeps `list` in step with the items of one domain. `sendReduced(item)` replaces an upload by a smaller copy. */
export function queueView(queue, domain, list, { sendReduced, onChange }) {
  const rows = new Map();
  const leave = (item) => {
    const row = rows.get(item);
    if (!row) return;
    rows.delete(item);
    keepFocus(row.node, list);
    row.node.remove();
  };
  const show = (item) => {
    if (item.state === 'done') return leave(item);
    if (!rows.has(item)) {
      rows.set(item, rowOf(item, queue, sendReduced));
      list.append(rows.get(item).node);
    }
    return rows.get(item).update();
  };
  const on = (kind, act) =>
    queue.addEventListener(kind, ({ detail: item }) => {
      if (item.domain !== domain) return;
      act(item);
      onChange();
    });
  on('added', show);
  on('changed', show);
  on('removed', leave);
}

/** Focus inside a row that goes away moves to the next row, or to where pictures are added. */
function keepFocus(node, list) {
  if (!node.contains(document.activeElement)) return;
  const neighbour = node.nextElementSibling ?? node.previousElementSibling;
  const target = neighbour?.querySelector('button:not([hidden])') ?? list.closest('[role="tabpanel"]').querySelector('.intake button');
  target?.focus();
}

function rowOf(item, queue, sendReduced) {
  const thumbnail = element('span', { class: 'thumbnail' }, icon('picture'));
  const facts = element('p', { class: 'row-facts' });
  const state = element('p', { class: 'row-state' });
  const track = stageTrack(item.name);
  const problem = element('div', { class: 'problem', hidden: true });
  const hint = element('div', { class: 'size-hint', hidden: true });
  const cancel = button('Cancel', { picture: 'cancel', about: item.name, onClick: () => queue.cancel(item) });
  const retry = button('Retry', { picture: 'retry', about: item.name, onClick: () => queue.retry(item) });
  const remove = button('Remove', { picture: 'cancel', about: item.name, onClick: () => queue.remove(item) });
  const node = element(
    'li',
    { class: 'row' },
    thumbnail,
    element('div', { class: 'row-body' }, element('p', { class: 'row-name', text: item.name, title: item.name }), facts, state, track.bar),
    problem,
    hint,
    element('div', { class: 'row-actions' }, retry, cancel, remove),
  );
  let shown = {};
  const update = () => {
    node.dataset.state = item.state;
    showThumbnail(thumbnail, item);
    setText(facts, factsOf(item));
    const text = stateText(item);
    setText(state, text);
    track.bar.hidden = !RUNNING.includes(item.state);
    track.update(item.state, item.sent, item.total, text);
    const ended = ENDED.includes(item.state);
    swap(cancel, !ended, node);
    swap(remove, ended, node);
    swap(retry, canRetry(item) || item.state === 'backoff', node);
    if (shown.error !== item.error || shown.state !== item.state) showProblem(problem, item);
    if (shown.reduction !== item.reduction || shown.state !== item.state) showHint(hint, item, sendReduced);
    shown = { error: item.error, state: item.state, reduction: item.reduction };
  };
  return { node, update };
}

/** Shows or hides a button; focus on one that is hidden moves to another of the row. */
function swap(control, visible, node) {
  if (control.hidden === !visible) return;
  const focused = document.activeElement === control;
  control.hidden = !visible;
  if (focused) requestAnimationFrame(() => node.querySelector('.row-actions button:not([hidden])')?.focus());
}

function showThumbnail(place, item) {
  if (!item.thumbnail || place.firstElementChild?.tagName === 'IMG') return;
  fill(place, element('img', { src: item.thumbnail, alt: '' }));
}

function factsOf(item) {
  const parts = [bytes(item.size)];
  if (item.picture) parts.unshift(item.picture.format, dimensions(item.picture.width, item.picture.height));
  return parts.join(' \u00b7 ');
}

export function stateText(item) {
  if (item.state === 'uploading') {
    if (item.total > 0 && item.sent >= item.total) return 'Sent; waiting for the server';
    const share = item.total > 0 ? item.sent / item.total : 0;
    return `Uploading ${percent(share)} \u00b7 ${bytes(Math.min(item.sent, item.total))} of ${bytes(item.total)}`;
  }
  if (item.state === 'backoff') {
    const wait = seconds((item.retryAt - Date.now()) / 1000);
    return `${explain(item.error.code).title}; trying again in ${wait} (attempt ${item.attempt + 1})`;
  }
  if (item.state === 'failed') return explain(item.error.code).title;
  return STATES[item.state];
}

function showProblem(place, item) {
  place.hidden = item.state !== 'failed';
  if (place.hidden) return;
  const { error } = item;
  fill(
    place,
    element('p', { class: 'problem-message', text: sentence(withoutName(error.message, item.name)) }),
    element('p', { class: 'problem-remedy' }, element('strong', { text: 'What to do: ' }), remedyOf(error)),
    element('p', { class: 'problem-code' }, element('code', { text: error.code }), error.requestId ? ` \u00b7 request ${error.requestId}` : null),
  );
}

/** The library begins with the file's name, which stands above already. */
function withoutName(message, name) {
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
}

function showHint(place, item, sendReduced) {
  const { reduction } = item;
  place.hidden = !reduction || !['waiting', 'uploading', 'backoff', 'failed'].includes(item.state);
  if (place.hidden) return;
  fill(place, reductionText(reduction), button('Send a reduced copy instead', { about: `of ${item.name}`, onClick: () => sendReduced(item) }));
}
