// One tab's contents: where pictures are added, the queue, the result cards and the model, all of one domain.

import { DOMAINS } from './api.js';
import { announce } from './announce.js';
import { cardOf, completeCard } from './card.js';
import { button, progressOf } from './controls.js';
import { element, fill, freshId, setText, setVariable } from './dom.js';
import { exportCsv, exportJson } from './export.js';
import { bytes, counted } from './format.js';
import { icon } from './icons.js';
import { wireInput } from './intake.js';
import { explain } from './messages.js';
import { modelPanel } from './model_panel.js';
import { outcomeLine } from './outcome.js';
import { canRetry, ENDED } from './queue.js';
import { queueView } from './queue_view.js';
import { reducedCopy } from './reduced_copy.js';

/** Builds the workspace of `domain` inside `panel`. `shared`: {queue, choose(item, chosen), showPicture(item)}. */
export function workspace(domain, panel, shared) {
  const { queue } = shared;
  const take = (files, leftOut) => takeFiles(queue, domain, intake.note, files, leftOut);
  const intake = intakeArea(domain, take);
  const list = element('ul', { class: 'rows', 'aria-label': 'Pictures in the queue' });
  const head = queueHead(queue, domain);
  const results = resultsArea(domain, queue);
  const model = element('div', { class: 'model-place' });
  fill(
    panel,
    element('div', { class: 'side-column' }, intake.node, element('section', { class: 'queue', 'aria-labelledby': head.id, hidden: true }, head.node, list), model),
    results.node,
  );
  const section = list.parentElement;
  const refresh = () => {
    head.update();
    section.hidden = list.childElementCount === 0;
    results.update();
  };
  const sendReduced = async (item) => {
    const copy = await reducedCopy(item);
    await queue.cancel(item);
    queue.remove(item);
    queue.add(copy, domain, { reducedFrom: item.name });
  };
  const cards = cardDeck(queue, domain, results.grid, { ...shared, onChange: refresh });
  queueView(queue, domain, list, { sendReduced, onChange: refresh });
  refresh();
  return { take, area: intake.node, setLimits: intake.setLimits, refreshModel: modelPanel(domain, model), open: cards.open };
}

function takeFiles(queue, domain, note, files, leftOut) {
  for (const file of files) queue.add(file, domain);
  const parts = [];
  if (files.length > 0) parts.push(`${counted(files.length, 'picture')} added.`);
  if (leftOut > 0) parts.push(`${counted(leftOut, 'other file')} left out: not named .jpg, .jpeg or .png.`);
  if (files.length === 0 && leftOut === 0) parts.push('Nothing was added: there were no files.');
  setText(note, leftOut > 0 || files.length === 0 ? parts.join(' ') : '');
  announce(parts.join(' '));
}

function intakeArea(domain, take) {
  const input = element('input', { type: 'file', multiple: true, accept: 'image/jpeg,image/png,.jpg,.jpeg,.png', hidden: true, 'data-pick': 'files', 'aria-label': 'Pictures', tabindex: '-1' });
  const folder = element('input', { type: 'file', multiple: true, webkitdirectory: true, hidden: true, 'data-pick': 'folder', 'aria-label': 'Folder', tabindex: '-1' });
  wireInput(input, take);
  wireInput(folder, take);
  const limits = element('p', { class: 'intake-limits', text: 'JPEG or PNG.' });
  const note = element('p', { class: 'intake-note' });
  const node = element(
    'section',
    { class: 'intake', 'aria-label': `Add a ${DOMAINS[domain].picture}` },
    icon('upload'),
    element('p', { class: 'intake-lead', text: `Add ${DOMAINS[domain].picture}s` }),
    element(
      'div',
      { class: 'intake-buttons' },
      button('Choose pictures', { picture: 'add', kind: 'primary', onClick: () => input.click() }),
      button('Choose a folder', { picture: 'folder', kind: 'plain', onClick: () => folder.click() }),
    ),
    element('p', { class: 'intake-paste' }, 'Or drop them here, or paste with ', element('kbd', { text: 'Ctrl' }), ' ', element('kbd', { text: 'V' })),
    limits,
    note,
    input,
    folder,
  );
  const setLimits = (most) => {
    const parts = ['JPEG or PNG'];
    if (most?.max_file_bytes) parts.push(`up to ${bytes(most.max_file_bytes)} each`);
    setText(limits, `${parts.join(', ')}.`);
  };
  return { node, note, setLimits };
}

function queueHead(queue, domain) {
  const id = freshId('queue');
  const title = element('h2', { id, text: 'Queue' });
  const count = element('p', { class: 'head-count' });
  const bar = element('div', { class: 'batch-bar', 'aria-hidden': 'true' }, element('span', {}));
  const each = (wanted, act) => () => queue.of(domain).filter(wanted).forEach(act);
  const retry = button('Retry failed', { picture: 'retry', onClick: each((item) => item.state === 'failed' && canRetry(item), (item) => queue.retry(item)) });
  const cancel = button('Cancel all', { picture: 'cancel', onClick: each((item) => !ENDED.includes(item.state), (item) => queue.cancel(item)) });
  const clear = button('Remove ended', { onClick: each((item) => ENDED.includes(item.state) && item.state !== 'done', (item) => queue.remove(item)) });
  const node = element('header', { class: 'section-head' }, title, count, element('div', { class: 'head-actions' }, retry, cancel, clear), bar);
  const update = () => {
    const items = queue.of(domain);
    const ended = items.filter((item) => ENDED.includes(item.state));
    const failed = items.filter((item) => item.state === 'failed');
    setText(count, `${ended.length - failed.length} of ${items.length} done${failed.length ? `, ${failed.length} failed` : ''}`);
    const share = items.reduce((sum, item) => sum + progressOf(item.state, item.total ? item.sent / item.total : 0), 0) / Math.max(1, items.length);
    setVariable(bar.firstElementChild, 'share', `${share.toFixed(1)}%`);
    bar.hidden = items.length - ended.length < 2;
    retry.hidden = failed.filter(canRetry).length < 2;
    cancel.hidden = items.length - ended.length < 2;
    clear.hidden = ended.filter((item) => item.state !== 'done').length < 2;
  };
  return { node, id, update };
}

function resultsArea(domain, queue) {
  const id = freshId('results');
  const done = () => queue.of(domain).filter((item) => item.state === 'done');
  const count = element('p', { class: 'head-count' });
  const name = `${domain === 'skin' ? 'skin' : 'chest'}-results`;
  const exports = element(
    'div',
    { class: 'head-actions' },
    button('Export all as JSON', { picture: 'download', onClick: () => exportJson(done(), name) }),
    button('Export all as CSV', { picture: 'download', onClick: () => exportCsv(done(), name) }),
  );
  const empty = emptyState(domain);
  const grid = element('div', { class: 'cards' });
  const node = element(
    'section',
    { class: 'results', 'aria-labelledby': id },
    element('header', { class: 'section-head' }, element('h2', { id, text: 'Results' }), count, exports),
    empty,
    grid,
  );
  const update = () => {
    const total = done().length;
    const open = grid.childElementCount;
    empty.hidden = open > 0;
    exports.hidden = total === 0;
    setText(count, total === 0 ? '' : open === total ? counted(total, 'picture') : `${open} of ${counted(total, 'picture')} open`);
  };
  return { node, grid, update };
}

function emptyState(domain) {
  return element(
    'div',
    { class: 'empty' },
    element('div', { class: 'empty-drawing', 'aria-hidden': 'true' }, ...[62, 34, 18, 9].map((share) => setVariable(element('span', {}), 'share', `${share}%`))),
    element('p', { class: 'empty-lead', text: 'No results yet' }),
    element('p', { text: `Add a ${DOMAINS[domain].picture}. Each picture gets a card with its findings, their probabilities and operating points, and a record of the model that ran.` }),
    element('p', { text: 'Pictures go to this server only, and results stay in this page until it is closed.' }),
  );
}

function cardDeck(queue, domain, grid, actions) {
  const cards = new Map();
  const close = (item) => {
    const card = cards.get(item);
    if (!card) return;
    const next = card.nextElementSibling ?? card.previousElementSibling ?? grid.closest('[role="tabpanel"]');
    const held = card.contains(document.activeElement);
    cards.delete(item);
    actions.choose(item, false);
    card.remove();
    if (held) next.focus();
    actions.onChange();
  };
  const analyseReduced = async (item) => {
    queue.note(item, { reduction: null });
    cards.get(item)?.querySelector('.size-hint')?.remove();
    queue.add(await reducedCopy(item), domain, { reducedFrom: item.name });
  };
  const own = { ...actions, close, analyseReduced };
  const lay = (item) => {
    cards.set(item, cardOf(item, own));
    grid.prepend(cards.get(item));
  };
  queue.addEventListener('changed', ({ detail: item }) => {
    if (item.domain !== domain) return;
    if (item.state === 'done' && !item.shown) {
      item.shown = true;
      lay(item);
    } else if (item.state === 'done' && cards.has(item)) completeCard(cards.get(item), item, own);
    tell(item);
  });
  queue.addEventListener('removed', ({ detail: item }) => close(item));
  const open = (item) => {
    if (!cards.has(item)) lay(item);
    actions.onChange();
    cards.get(item).focus();
    cards.get(item).scrollIntoView({ block: 'start' });
  };
  return { open };
}

/** What a screen reader hears of an item's end. */
function tell(item) {
  if (item.told === item.state) return;
  item.told = item.state;
  if (item.state === 'done') announce(`${item.name}: ${outcomeLine(item.result)}`);
  if (item.state === 'failed') announce(`${item.name} failed: ${explain(item.error.code).title}.`);
  if (item.state === 'backoff') announce('The server is busy; the queue waits and tries again.', 'backoff');
  if (item.state === 'decoding' || item.state === 'running') announce(`${item.name}: ${item.state}.`, `stage ${item.id}`);
}
