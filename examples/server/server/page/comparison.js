// Two results side by side: what each says of every finding, and by how much they differ. Says so where the two are not
// comparable.

import { simulatedMark } from './card.js';
import { button } from './controls.js';
import { element, fill, hiddenText } from './dom.js';
import { bar } from './findings.js';
import { percent, points, shortHash } from './format.js';
import { icon } from './icons.js';
import { capital, decisionOf, outcomeLine } from './outcome.js';

/** Shows the comparison of two finished items in `dialog`. */
export function showComparison(dialog, first, second) {
  const title = element('h2', { id: 'comparison-title', text: 'Comparison' });
  fill(
    dialog,
    element('header', { class: 'dialog-head' }, title, button('Close', { picture: 'cancel', about: 'the comparison', onClick: () => dialog.close() })),
    element('div', { class: 'compared' }, side('A', first), side('B', second)),
    caution(first.result, second.result),
    table(first.result, second.result),
  );
  dialog.showModal();
}

function side(letter, item) {
  const { execution, model } = item.result;
  return element(
    'section',
    { class: 'side', 'aria-label': `Result ${letter}` },
    element('span', { class: 'side-letter', 'aria-hidden': 'true', text: letter }),
    element('span', { class: 'thumbnail thumbnail-large' }, item.thumbnail ? element('img', { src: item.thumbnail, alt: '' }) : icon('picture')),
    element(
      'div',
      { class: 'side-text' },
      element('h3', { class: 'card-title', text: item.name, title: item.name }),
      element('p', { class: 'outcome-detail', text: outcomeLine(item.result) }),
      element('p', { class: 'card-facts' }, `${model.name} ${model.version} `, element('code', { text: shortHash(model.sha256) }), ` \u00b7 ${execution.backend} ${execution.precision} on ${execution.device}`),
      execution.simulated ? simulatedMark() : null,
    ),
  );
}

/** What keeps two results from being compared number by number. */
function caution(a, b) {
  const reasons = [];
  if (a.model.sha256 !== b.model.sha256) reasons.push('They come from different weights.');
  else if (a.model.manifest_sha256 !== b.model.manifest_sha256) reasons.push('Labels or operating points of the model were changed between them.');
  if (a.execution.simulated !== b.execution.simulated) reasons.push('One of them is simulated.');
  if (a.execution.precision !== b.execution.precision) reasons.push('They were computed at different precisions.');
  if (reasons.length === 0) return null;
  return element('p', { class: 'caution' }, icon('warning'), element('span', { text: `Compare with care. ${reasons.join(' ')}` }));
}

function table(a, b) {
  const others = new Map(b.findings.map((finding) => [finding.code, finding]));
  const pairs = a.findings.map((finding) => [finding, others.get(finding.code) ?? null]);
  const known = new Set(a.findings.map((finding) => finding.code));
  for (const finding of b.findings) if (!known.has(finding.code)) pairs.push([null, finding]);
  pairs.sort((left, right) => Math.abs(difference(right)) - Math.abs(difference(left)));
  const head = (text, kind) => element('span', { role: 'columnheader', class: kind, text });
  return element(
    'div',
    { class: 'comparison', role: 'table', 'aria-label': 'Findings of A and B, greatest difference first' },
    element(
      'div',
      { role: 'rowgroup', class: 'comparison-head' },
      element('div', { role: 'row', class: 'comparison-row' }, head('Finding', 'comparison-label'), head('A', 'comparison-a'), head('B', 'comparison-b'), head('B \u2212 A, points', 'comparison-difference'), head('Decision', 'comparison-decision')),
    ),
    element('div', { role: 'rowgroup' }, pairs.map(row)),
  );
}

function difference([a, b]) {
  return (b?.probability ?? NaN) - (a?.probability ?? NaN) || 0;
}

function row([a, b]) {
  const changed = a?.decision !== b?.decision;
  const both = Number.isFinite(a?.probability ?? NaN) && Number.isFinite(b?.probability ?? NaN);
  return element(
    'div',
    { role: 'row', class: changed ? 'comparison-row is-changed' : 'comparison-row' },
    element('span', { role: 'rowheader', class: 'comparison-label', text: capital((a ?? b).label) }),
    value(a, 'A', 'comparison-a'),
    value(b, 'B', 'comparison-b'),
    element('span', { role: 'cell', class: 'comparison-difference', text: both ? points(difference([a, b])) : '\u2013' }),
    element('span', { role: 'cell', class: 'comparison-decision', }, decisions(a, b)),
  );
}

function value(finding, letter, kind) {
  const shown = finding?.available ? percent(finding.probability) : 'Not available';
  return element(
    'span',
    { role: 'cell', class: `comparison-value ${kind}` },
    element('span', { class: 'narrow-only', 'aria-hidden': 'true', text: letter }),
    finding ? markedBar(finding) : null,
    element('span', { class: 'comparison-figure', text: shown }),
  );
}

function markedBar(finding) {
  const drawing = bar(finding);
  drawing.dataset.decision = decisionOf(finding).kind;
  return drawing;
}

function decisions(a, b) {
  if (a && b && [a, b].every((finding) => finding.available && finding.operating_point === null)) return classDecisions(a, b);
  const [first, second] = [a, b].map((finding) => (finding ? decisionOf(finding).word : 'Missing'));
  return first === second ? first : `${first} \u2192 ${second}`;
}

/** Of classes exactly one is chosen, so it is enough to say where. */
function classDecisions(a, b) {
  if (a.decision && b.decision) return 'Top class in both';
  if (a.decision || b.decision) return `Top class in ${a.decision ? 'A' : 'B'}`;
  return hiddenText('Other class');
}
