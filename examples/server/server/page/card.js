// A result as a card: the picture, the outcome in a sentence, the findings, and the record of what ran.

import { button } from './controls.js';
import { element, freshId, hiddenText } from './dom.js';
import { exportCsv, exportJson } from './export.js';
import { bytes, clock, dimensions } from './format.js';
import { findingsTable } from './findings.js';
import { icon } from './icons.js';
import { outcomeOf } from './outcome.js';
import { record, timing, warnings } from './record.js';
import { reductionText } from './size_hint.js';

/** The card of a finished item. `actions`: {choose(item, chosen), close(item), analyseReduced(item), showPicture(item)}. */
export function cardOf(item, actions) {
  const { result } = item;
  const titleId = freshId('card');
  const card = element(
    'article',
    { class: 'card', 'aria-labelledby': titleId, tabindex: '-1', 'data-item': item.id },
    result.execution.simulated ? simulatedMark() : null,
    header(item, titleId, actions),
    outcome(result),
    item.reducedFrom ? copyMark(item) : null,
    findingsTable(result, item.name),
    warnings(result),
    timing(result),
    record(result),
    sizeHint(item, actions),
    footer(item, actions),
  );
  return card;
}

/** Puts onto a card what came after its result: the thumbnail and the size hint. */
export function completeCard(card, item, actions) {
  const thumbnail = card.querySelector('.card-head > .thumbnail');
  if (item.thumbnail && !thumbnail.querySelector('img')) thumbnail.replaceWith(pictureButton(item, actions));
  if (item.reduction && !card.querySelector('.size-hint')) card.querySelector('.card-foot').before(sizeHint(item, actions));
}

export function simulatedMark() {
  return element(
    'p',
    { class: 'simulated-mark' },
    icon('warning'),
    element('span', {}, element('strong', { text: 'Simulated.' }), ' No model computed these scores; they mean nothing.'),
  );
}

function header(item, titleId, actions) {
  const { input } = item.result;
  const facts = [input.format.toUpperCase(), dimensions(input.width, input.height), bytes(item.size), clock(item.ended)];
  return element(
    'header',
    { class: 'card-head' },
    pictureButton(item, actions),
    element(
      'div',
      { class: 'card-names' },
      element('h3', { class: 'card-title', id: titleId, text: item.name, title: item.name }),
      element('p', { class: 'card-facts', text: facts.join(' \u00b7 ') }),
    ),
    button('Close', { picture: 'cancel', about: `the result of ${item.name}`, kind: 'corner', onClick: () => actions.close(item) }),
  );
}

function pictureButton(item, actions) {
  if (!item.thumbnail) return element('span', { class: 'thumbnail thumbnail-large' }, icon('picture'));
  return element(
    'button',
    { type: 'button', class: 'thumbnail thumbnail-large', title: 'Show the picture', on: { click: () => actions.showPicture(item) } },
    element('img', { src: item.thumbnail, alt: '' }),
    hiddenText(`Show the picture ${item.name}`),
  );
}

function outcome(result) {
  const { lead, detail } = outcomeOf(result);
  return element('div', { class: 'outcome' }, element('p', { class: 'outcome-lead', text: lead }), detail ? element('p', { class: 'outcome-detail', text: detail }) : null);
}

function copyMark(item) {
  return element('p', { class: 'copy-mark' }, icon('information'), element('span', { text: `Reduced copy of ${item.reducedFrom}: made in this browser, with other pixels than the original.` }));
}

function sizeHint(item, actions) {
  if (!item.reduction) return null;
  return element(
    'div',
    { class: 'size-hint' },
    reductionText(item.reduction),
    button('Analyse a reduced copy too', { about: `of ${item.name}`, onClick: () => actions.analyseReduced(item) }),
  );
}

function footer(item, actions) {
  const box = element('input', { type: 'checkbox', on: { change: ({ target }) => actions.choose(item, target.checked) } });
  return element(
    'footer',
    { class: 'card-foot' },
    element('label', { class: 'choice' }, box, element('span', { text: 'Compare' }), hiddenText(` ${item.name}`)),
    element(
      'div',
      { class: 'card-exports' },
      button('JSON', { picture: 'download', about: `of ${item.name}`, onClick: () => exportJson([item], item.name) }),
      button('CSV', { picture: 'download', about: `of ${item.name}`, onClick: () => exportCsv([item], item.name) }),
    ),
  );
}
