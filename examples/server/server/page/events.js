// Follows a job to its end by the server's event stream, and by asking again where the stream breaks. EventSource is not
// used: it cannot carry a token.

import { ApiError, request, send } from './api.js';

const SILENCE_MS = 30000; // the server sends a heartbeat every 10 s
const POLL_MS = 1000;

/** The finished job. `onState(state)` hears each state on the way. */
export async function follow(job, onState, signal) {
  if (job.state === 'done') return job;
  onState(job.state);
  try {
    const finished = await readStream(job.links.events, onState, signal);
    if (finished) return finished;
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof ApiError && error.status !== 0) throw lost(error);
  }
  return poll(job.links.self, onState, signal);
}

async function readStream(path, onState, signal) {
  const cut = new AbortController();
  const stop = () => cut.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await send(path, { signal: cut.signal, byPerson: true });
    for await (const event of eventsOf(response.body, stop)) {
      if (event.name === 'state') onState(event.data.state);
      if (event.name === 'done') return event.data;
    }
    return null;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** The events of a text/event-stream body; `stop` is called when nothing came for too long. */
async function* eventsOf(body, stop) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const timer = setTimeout(stop, SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    text = (text + value).replaceAll('\r\n', '\n');
    const blocks = text.split('\n\n');
    text = blocks.pop();
    yield* blocks.map(eventOf).filter((event) => event !== null);
  }
}

function eventOf(block) {
  let name = 'message';
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return data.length === 0 ? null : { name, data: JSON.parse(data.join('\n')) };
}

async function poll(path, onState, signal) {
  for (;;) {
    const job = await request(path, { signal, byPerson: true }).catch((error) => {
      throw lost(error);
    });
    if (job.state === 'done') return job;
    onState(job.state);
    await pause(POLL_MS, signal);
  }
}

/** A job that is not found was lost with the server that knew it: the same picture may be sent again. */
function lost(error) {
  if (!(error instanceof ApiError) || error.code !== 'NOT_FOUND') return error;
  return new ApiError({ code: 'JOB_LOST', stage: error.stage, message: 'The server was started again meanwhile.' }, error.status);
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('cancelled', 'AbortError'));
    }, { once: true });
  });
}
