// Everything that was analysed since the page was opened, newest first. It lives in this page's memory only.

import { button } from './controls.js';
import { DOMAINS } from './api.js';
import { element, setText } from './dom.js';
import { clock, counted } from './format.js';
import { explain } from './messages.js';
import { outcomeLine } from './outcome.js';
import { ENDED } from './queue.js';

/** Fills `list` with the ended items of `queue`. `open(item)` shows a result's card again. */
export function historyView(queue, { list, empty, count, clear }, open) {
  const lines = new Map();
  const forget = (item) => {
    lines.get(item)?.remove();
    lines.delete(item);
  };
  const refresh = () => {
    empty.hidden = lines.size > 0;
    clear.hidden = lines.size === 0;
    setText(count, lines.size > 0 ? counted(lines.size, 'analysis', 'analyses') : '');
  };
  queue.addEventListener('changed', ({ detail: item }) => {
    if (!ENDED.includes(item.state)) forget(item);
    else if (!lines.has(item)) {
      lines.set(item, line(item, open));
      list.prepend(lines.get(item));
    }
    refresh();
  });
  queue.addEventListener('removed', ({ detail: item }) => {
    forget(item);
    refresh();
  });
  clear.addEventListener('click', () => {
    for (const item of [...lines.keys()]) queue.remove(item);
    document.getElementById('history-title').focus(); // the button that was pressed is gone
  });
  refresh();
}

function line(item, open) {
  return element(
    'li',
    { class: 'history-line', 'data-state': item.state },
    element('time', { class: 'history-time', datetime: item.ended.toISOString(), text: clock(item.ended) }),
    element('span', { class: 'history-kind', text: DOMAINS[item.domain].title }),
    element('span', { class: 'history-name', text: item.name, title: item.name }),
    element('span', { class: 'history-outcome', text: outcomeText(item) }),
    item.result ? button('Show', { about: `the result of ${item.name}`, onClick: () => open(item) }) : element('span', {}),
  );
}

function outcomeText(item) {
  if (item.state === 'cancelled') return 'Cancelled';
  if (item.state === 'failed') return `Failed. ${explain(item.error.code).title}.`;
  return `${item.result.execution.simulated ? 'Simulated: ' : ''}${outcomeLine(item.result)}`;
}
