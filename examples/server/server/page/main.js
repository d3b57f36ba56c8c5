// Puts the page together: the queue, the two workspaces, the history, the dialogs and the server's state.

import { announce } from './announce.js';
import { DOMAINS } from './api.js';
import { button } from './controls.js';
import { element, fill, setText } from './dom.js';
import { showPicture, wireTokenDialog } from './dialogs.js';
import { showComparison } from './comparison.js';
import { historyView } from './history.js';
import { icon } from './icons.js';
import { wireDrop, wirePaste } from './intake.js';
import { Queue } from './queue.js';
import { remedyOf } from './messages.js';
import { ServerState } from './server_state.js';
import { wireTabs } from './tabs.js';
import { wireTheme } from './theme.js';
import { keepThumbnails } from './thumbnails.js';
import { workspace } from './workspace.js';

const byId = (id) => document.getElementById(id);
const queue = new Queue();
const server = new ServerState();

wireTheme(byId('theme'));
wireTokenDialog(byId('token-dialog'));
keepThumbnails(queue);

const chosen = choosing(byId('compare-bar'), (first, second) => showComparison(byId('comparison-dialog'), first, second));
const shared = { queue, choose: chosen.choose, showPicture: (item) => showPicture(byId('picture-dialog'), item) };
const spaces = Object.fromEntries(Object.keys(DOMAINS).map((domain) => [domain, workspace(domain, byId(`panel-${domain}`), shared)]));

let current = 'skin';
const openTab = wireTabs(byId('tabs'), (tab) => {
  current = tab.dataset.domain;
  chosen.clear();
});
wireDrop(() => spaces[current].area, (files, leftOut) => spaces[current].take(files, leftOut));
wirePaste((files, leftOut) => spaces[current].take(files, leftOut));
historyView(queue, { list: byId('history-list'), empty: byId('history-empty'), count: byId('history-count'), clear: byId('history-clear') }, (item) => {
  if (item.domain !== current) openTab(`tab-${item.domain}`);
  spaces[item.domain].open(item);
});
countInTabs();

server.addEventListener('state', ({ detail: state }) => {
  showServer(state);
  if (!state.status || state.error) return;
  queue.setLimits(state.status.limits);
  showSimulated(state.status);
  setText(byId('version'), `MediScan ${state.status.version}`);
  for (const space of Object.values(spaces)) {
    space.setLimits(state.status.limits);
    space.refreshModel();
  }
});
byId('enter-token').addEventListener('click', () => server.check({ byPerson: true }));
server.start();

/** The banner, and of which kind of picture the answers are made up. */
function showSimulated(status) {
  const banner = byId('simulated-banner');
  const made = Object.values(DOMAINS).filter(({ path }) => status.domains[path]?.simulated).map(({ title }) => title.toLowerCase());
  banner.hidden = !status.simulated;
  setText(banner.querySelector('[data-which]'), `No model runs here: scores of ${made.join(' and ')} pictures are made up and mean nothing.`);
}

/** What the server is doing, in the masthead, and in a message of its own where a person should act. */
function showServer(state) {
  const [kind, text] = serverText(state);
  const place = byId('server-state');
  place.dataset.kind = kind;
  setText(place, text);
  byId('enter-token').hidden = state.error?.status !== 401;
  const message = byId('server-message');
  const back = !message.hidden && state.reachable && !state.error;
  message.hidden = !state.error && !state.status?.draining;
  if (!message.hidden) {
    const words = state.error ? `${text}. ${remedyOf(state.error)}` : 'The server is shutting down. What it has accepted will be finished; new pictures will be refused.';
    setText(message.querySelector('span'), words);
  }
  if (back) announce('The server answers again.');
}

function serverText({ reachable, error, status }) {
  if (!reachable) return ['bad', 'Server does not answer'];
  if (error) return error.status === 401 ? ['bad', 'A token is needed'] : ['bad', 'Server reports a fault'];
  if (status.draining) return ['busy', 'Shutting down'];
  if (status.simulated) return ['caution', 'Simulated'];
  if (Object.values(status.domains).some((domain) => domain.state === 'LOADING')) return ['busy', 'Models are loading'];
  return ['good', 'Connected'];
}

/** Lets two results of a tab be chosen; a third takes the place of the one chosen first. */
function choosing(bar, compare) {
  let items = [];
  const boxOf = (item) => document.querySelector(`[data-item="${item.id}"] .choice input`);
  const show = () => {
    bar.hidden = items.length === 0;
    if (bar.hidden) return;
    const names = element('ol', { class: 'compare-names' }, items.map((item, at) => element('li', {}, element('span', { class: 'side-letter', text: 'AB'[at] }), element('span', { class: 'compare-name', text: item.name }))));
    const go = items.length === 2 ? button('Compare the two', { picture: 'compare', kind: 'primary', onClick: () => compare(...items) }) : element('p', { text: 'Choose one more result to compare with.' });
    fill(bar, names, go, button('Clear', { about: 'the choice', onClick: clear }));
  };
  const choose = (item, wanted) => {
    items = items.filter((other) => other !== item);
    if (wanted) items.push(item);
    if (items.length > 2) {
      const dropped = items.shift();
      const box = boxOf(dropped);
      if (box) box.checked = false;
      announce(`${dropped.name} is no longer chosen.`);
    }
    if (wanted) announce(items.length === 2 ? 'Two results chosen: they can be compared.' : 'One result chosen; choose one more to compare.', 'choice');
    show();
  };
  const clear = () => {
    const first = items[0] && boxOf(items[0]);
    const held = bar.contains(document.activeElement);
    for (const item of items) {
      const box = boxOf(item);
      if (box) box.checked = false;
    }
    items = [];
    show();
    if (held) first?.focus();
  };
  return { choose, clear };
}

/** How many results each tab holds, for the tab that is not open. */
function countInTabs() {
  const update = ({ detail: item }) => {
    const place = byId(`tab-${item.domain}`).querySelector('.tab-count');
    const done = queue.of(item.domain).filter((other) => other.state === 'done').length;
    place.hidden = done === 0;
    setText(place, String(done));
  };
  queue.addEventListener('changed', update);
  queue.addEventListener('removed', update);
}

byId('server-message').prepend(icon('warning'));
byId('simulated-banner').prepend(icon('warning'));
