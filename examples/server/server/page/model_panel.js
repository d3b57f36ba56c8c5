// The model that serves a domain: its state, its card (what it is for and what it cannot do), and the record of its load.

import { DOMAINS, request } from './api.js';
import { element, fill } from './dom.js';
import { copyableHash } from './controls.js';
import { icon } from './icons.js';
import { explain, remedyOf, sentence } from './messages.js';
import { factList } from './record.js';

const STATES = { READY: 'Ready', EVICTED: 'Ready', FAILED: 'Failed', UNLOADING: 'Unloading', UNLOADED: 'Not loaded' };

/** Keeps `place` in step with the model of `domain`. Returns a function that looks again. */
export function modelPanel(domain, place) {
  const title = element('span', { class: 'model-name', text: 'Model' });
  const state = element('span', { class: 'state' });
  const body = element('div', { class: 'model-body' });
  const details = element('details', { class: 'model' }, element('summary', {}, title, state), body);
  details.open = matchMedia('(min-width: 60rem)').matches;
  const note = element('p', { class: 'model-warning', hidden: true });
  fill(place, details, note);
  let seen = '';
  return async () => {
    const model = await request(`/api/v1/${DOMAINS[domain].path}/model-status`).catch((error) => ({ error }));
    const text = JSON.stringify([model.state, model.phase, model.progress, model.model, model.error?.code, model.card, model.simulated]);
    if (text === seen) return;
    seen = text;
    title.textContent = model.model?.name ? `${model.model.name} ${model.model.version}` : 'Model';
    showState(state, model);
    fill(body, contents(model));
    showWarning(note, model.card?.warning);
  };
}

function showState(place, model) {
  const [kind, text] = stateOf(model);
  place.dataset.kind = kind;
  place.textContent = text;
}

function stateOf(model) {
  if (model.error) return ['bad', model.error.code === 'SERVER_UNREACHABLE' ? 'Not known' : 'Not available'];
  if (model.simulated) return ['caution', 'Simulated'];
  if (model.state === 'LOADING') {
    const done = model.progress > 0 ? ` ${Math.round(model.progress * 100)}\u202f%` : '';
    return ['busy', `Loading${done}`];
  }
  return [model.state === 'READY' || model.state === 'EVICTED' ? 'good' : 'bad', STATES[model.state] ?? model.state];
}

function contents(model) {
  if (model.error) return problem(model.error);
  const parts = [];
  if (model.state === 'FAILED') parts.push(element('p', { class: 'problem-message', text: sentence(model.reason || 'The model could not be loaded') }));
  const { card, execution } = model;
  if (card) {
    parts.push(paragraph('Intended use', card.intended_use), paragraph('Limitations', card.limitations), paragraph('Training data', card.training_data), paragraph('Licence', card.license));
  }
  if (execution?.backend) {
    parts.push(factList([
      ['Weights SHA-256', copyableHash(model.model.sha256, `SHA-256 of the weights of ${model.model.name}`)],
      ['Backend', `${execution.backend} ${execution.backend_version}`],
      ['Device, precision', `${execution.device}, ${execution.precision}`],
      ['Self-test', selfTest(model.self_test)],
    ]));
  }
  return parts;
}

function problem(error) {
  return [
    element('p', { class: 'problem-message', text: `${explain(error.code).title}. ${sentence(error.message)}` }),
    element('p', { class: 'problem-remedy' }, element('strong', { text: 'What to do: ' }), remedyOf(error)),
  ];
}

function paragraph(name, text) {
  return text ? element('p', { class: 'model-text' }, element('strong', { text: name }), text) : null;
}

function selfTest(test) {
  if (!test?.run) return 'Not run';
  return `Passed, largest difference ${test.largest_difference.toExponential(1)} (allowed ${test.tolerance})`;
}

/** Stands outside the foldable part: what a card warns of must be seen without opening anything. */
function showWarning(place, warning) {
  place.hidden = !warning;
  if (warning) fill(place, icon('warning'), element('span', { text: sentence(warning) }));
}
