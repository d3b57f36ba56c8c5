// Speaks to screen readers through one polite live region. What comes in quick succession is summed up, so that thirty
// pictures are not thirty sentences.

const GATHER_MS = 700;

let waiting = [];
let timer = null;

/** Says `text`. Several within a moment are said together; of the same `topic` only the last. */
export function announce(text, topic = text) {
  waiting = waiting.filter((entry) => entry.topic !== topic);
  waiting.push({ topic, text });
  timer ??= setTimeout(speak, GATHER_MS);
}

function speak() {
  timer = null;
  const said = waiting.map((entry) => entry.text);
  waiting = [];
  document.getElementById('announcer').textContent = said.slice(-4).join(' ');
}
