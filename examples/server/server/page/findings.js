// Findings as labelled bars: probability, operating point and decision, each in figures or words as well as in the drawing.

import { element, freshId, hiddenText, setText, setVariable } from './dom.js';
import { percent } from './format.js';
import { icon } from './icons.js';
import { capital, decisionOf } from './outcome.js';

const SHOWN_AT_FIRST = 7;

/** The table of a result's findings; a long one shows the positive and the most probable first, and the rest on demand. */
export function findingsTable(result, about) {
  const { findings } = result;
  const withPoints = findings.some((finding) => finding.operating_point !== null);
  const rows = findings.map((finding) => findingRow(finding, withPoints));
  const rest = folded(findings);
  const table = element(
    'div',
    { class: withPoints ? 'findings' : 'findings findings-classes', role: 'table', 'aria-label': `Findings of ${about}`, id: freshId('findings') },
    headRow(withPoints),
    element('div', { role: 'rowgroup' }, rows),
  );
  for (const at of rest) rows[at].hidden = true;
  const toggle = rest.length > 0 ? unfold(table, rest.map((at) => rows[at]), findings.length, about) : null;
  return element('div', { class: 'findings-block' }, table, toggle, legend(withPoints));
}

/** Which findings wait behind the button: those beyond the first few that are not positive. */
function folded(findings) {
  if (findings.length <= SHOWN_AT_FIRST + 1) return [];
  return findings.map((_, at) => at).filter((at) => at >= SHOWN_AT_FIRST && !findings[at].decision);
}

function headRow(withPoints) {
  const head = (text, kind) => element('span', { role: 'columnheader', class: `finding-${kind}`, text });
  return element(
    'div',
    { role: 'rowgroup', class: 'findings-head' },
    element(
      'div',
      { role: 'row', class: 'finding' },
      head(withPoints ? 'Finding' : 'Class', 'label'),
      head('Probability', 'value'),
      withPoints ? head('Op. point', 'point') : null,
      head('Decision', 'decision'),
    ),
  );
}

function findingRow(finding, withPoints) {
  const decision = decisionOf(finding);
  return element(
    'div',
    { role: 'row', class: 'finding', 'data-decision': decision.kind },
    element('span', { role: 'rowheader', class: 'finding-label', text: capital(finding.label), title: codes(finding) }),
    bar(finding),
    element('span', { role: 'cell', class: 'finding-value', text: percent(finding.probability ?? NaN) }),
    withPoints ? pointCell(finding) : null,
    element('span', { role: 'cell', class: 'finding-decision' }, decisionCell(decision, withPoints)),
  );
}

function pointCell(finding) {
  return element('span', { role: 'cell', class: 'finding-point' }, element('span', { class: 'narrow-only', 'aria-hidden': 'true', text: 'op. point ' }), percent(finding.operating_point ?? NaN));
}

/** Among classes only the chosen one is marked to the eye: to say of each of the others that it is not would be noise. */
function decisionCell(decision, withPoints) {
  if (decision.kind === 'negative' && !withPoints) return hiddenText(decision.word);
  return [markOf(decision.kind), element('span', { text: decision.word })];
}

function markOf(kind) {
  if (kind === 'positive') return icon('positive', { filled: true });
  return kind === 'negative' ? icon('positive') : icon('none');
}

/** The bar itself is a drawing of figures that stand beside it. */
export function bar(finding) {
  const track = element('span', { class: 'bar', 'aria-hidden': 'true' });
  if (!finding.available) {
    track.classList.add('bar-unavailable');
    return track;
  }
  track.append(setVariable(element('span', { class: 'bar-fill' }), 'share', `${finding.probability * 100}%`));
  if (finding.operating_point !== null) {
    track.append(setVariable(element('span', { class: 'bar-point' }), 'share', `${finding.operating_point * 100}%`));
  }
  return track;
}

function unfold(table, rows, all, about) {
  const label = element('span', { text: `Show all ${all} findings` });
  const toggle = element('button', { type: 'button', class: 'button button-quiet', 'aria-expanded': 'false', 'aria-controls': table.id }, label, hiddenText(` of ${about}`));
  toggle.addEventListener('click', () => {
    const open = toggle.getAttribute('aria-expanded') !== 'true';
    toggle.setAttribute('aria-expanded', String(open));
    setText(label, open ? 'Show fewer findings' : `Show all ${all} findings`);
    for (const row of rows) row.hidden = !open;
  });
  return toggle;
}

function legend(withPoints) {
  const scale = element('span', { class: 'scale', 'aria-hidden': 'true' }, ...['0', '25', '50', '75', '100\u202f%'].map((text) => element('span', { text })));
  const text = withPoints ? 'Operating point: positive at or over it, negative below.' : 'One class is chosen: the most probable. No operating point applies.';
  return element('p', { class: 'legend' }, scale, withPoints ? element('span', { class: 'legend-point', 'aria-hidden': 'true' }) : null, element('span', { text }));
}

function codes(finding) {
  return finding.snomed ? `${finding.code} \u00b7 SNOMED CT ${finding.snomed}` : finding.code;
}
