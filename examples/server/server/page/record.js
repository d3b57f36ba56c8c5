// What really ran, from the result's own record: time by stage, model, backend, input. Shows, and judges nothing.

import { copyableHash } from './controls.js';
import { element, setVariable } from './dom.js';
import { dimensions, milliseconds } from './format.js';
import { icon } from './icons.js';
import { sentence } from './messages.js';

const STAGES = ['decode', 'preprocess', 'queue', 'inference', 'postprocess'];

/** Time by stage: a bar of five parts and the same in figures. */
export function timing(result) {
  const times = result.timing_ms;
  const sum = STAGES.reduce((total, stage) => total + times[stage], 0) || 1;
  const parts = STAGES.map((stage) => setVariable(element('span', { class: 'time-part', 'data-stage': stage }), 'share', `${(times[stage] / sum) * 100}%`));
  const figure = (stage, name) =>
    element('div', { class: 'time-figure', 'data-stage': stage }, element('dt', { text: name }), element('dd', { text: milliseconds(times[stage]) }));
  return element(
    'section',
    { class: 'part' },
    element('h4', { text: 'Time by stage' }),
    element('div', { class: 'time-bar', 'aria-hidden': 'true' }, parts),
    element('dl', { class: 'time-figures' }, STAGES.map((stage) => figure(stage, stage[0].toUpperCase() + stage.slice(1))), figure('total', 'Total')),
  );
}

/** The record: model, weights, backend and input. */
export function record(result) {
  const { execution, input, model } = result;
  const facts = [
    ['Model', `${model.name} ${model.version}`],
    ['Weights SHA-256', copyableHash(model.sha256, `SHA-256 of the weights of ${model.name}`)],
    ['Backend', `${execution.backend} ${execution.backend_version}`],
    ['Device, precision', `${execution.device}, ${execution.precision}`],
    ['Batch', execution.cached ? `${execution.batch_size}, from the cache` : String(execution.batch_size)],
    ['Input', `${input.format.toUpperCase()} ${dimensions(input.width, input.height)}, ${input.bits} bits`],
    ['Input SHA-256', copyableHash(input.sha256, `SHA-256 of ${input.name || 'the input'}`)],
    ['MediScan', result.library_version],
  ];
  if (execution.fallback_reason) facts.push(['Fallback', execution.fallback_reason]);
  if (execution.precision_reason) facts.push(['Why not faster', execution.precision_reason]);
  if (execution.profile_reason) facts.push(['Chosen by a profile', execution.profile_reason]);
  return element('section', { class: 'part' }, element('h4', { text: 'Record' }), factList(facts));
}

/** A definition list of [name, text or element] pairs. */
export function factList(facts) {
  return element(
    'dl',
    { class: 'facts' },
    facts.map(([name, value]) => element('div', {}, element('dt', { text: name }), element('dd', {}, value))),
  );
}

/** Everything the result warns of; null when it warns of nothing. */
export function warnings(result) {
  if (result.warnings.length === 0) return null;
  const line = (warning) =>
    element('li', {}, icon('warning'), element('span', {}, sentence(warning.message), ' ', element('code', { text: warning.code })));
  return element('section', { class: 'part warnings' }, element('h4', { text: 'Warnings' }), element('ul', {}, result.warnings.map(line)));
}
