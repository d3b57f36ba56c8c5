// The visit's analyses: one item a picture, each with its state from waiting to its end, and the few that run at once.
// It knows nothing of the page's elements; views listen to its events `added`, `changed` and `removed`.

import { ApiError, request } from './api.js';
import { bytes } from './format.js';
import { explain } from './messages.js';
import { follow } from './events.js';
import { upload } from './upload.js';

// A browser opens six connections to a server: four pictures, and room for the server's status and a cancel.
const AT_ONCE = 4;
const MAX_ATTEMPTS = 8;
const DEFAULT_WAIT_S = 2;

export const RUNNING = ['uploading', 'received', 'decoding', 'queued', 'running'];
export const ENDED = ['done', 'failed', 'cancelled'];

export class Queue extends EventTarget {
  #items = [];
  #next = 1;
  #resumeAt = 0;
  #ticker = null;
  #limits = {};

  get items() {
    return this.#items;
  }

  of(domain) {
    return this.#items.filter((item) => item.domain === domain);
  }

  /** The server's limits: a file that cannot be accepted is not sent. */
  setLimits(limits) {
    this.#limits = limits ?? {};
  }

  add(file, domain, { reducedFrom = null } = {}) {
    const item = {
      id: this.#next++,
      file,
      domain,
      name: file.name,
      size: file.size,
      reducedFrom,
      added: new Date(),
      ended: null,
      picture: null,
      thumbnail: null,
      reduction: null,
    };
    this.#items.push(Object.assign(item, fresh()));
    this.#emit('added', item);
    this.#pump();
    return item;
  }

  /** Notes something about an item that is not its state, e.g. its thumbnail. One that was removed meanwhile stays away. */
  note(item, facts) {
    if (!this.#items.includes(item)) return;
    Object.assign(item, facts);
    this.#emit('changed', item);
  }

  async cancel(item) {
    if (ENDED.includes(item.state)) return;
    const { job, abort } = item;
    this.#end(item, 'cancelled');
    abort?.abort();
    // The server may have finished or gone meanwhile: either way there is nothing left to stop.
    if (job) await request(job.links.self, { method: 'DELETE' }).catch(() => null);
  }

  retry(item) {
    if (item.state === 'backoff') {
      this.#resumeAt = 0;
      this.#set(item, { state: 'waiting' });
    } else if (item.state === 'failed' || item.state === 'cancelled') {
      this.#set(item, fresh());
    }
    this.#pump();
  }

  /** Takes an item that has ended off the visit. */
  remove(item) {
    if (!ENDED.includes(item.state)) return;
    this.#items = this.#items.filter((other) => other !== item);
    this.#emit('removed', item);
  }

  #pump() {
    if (Date.now() < this.#resumeAt) return;
    const running = this.#items.filter((item) => RUNNING.includes(item.state)).length;
    const waiting = this.#items.filter((item) => item.state === 'waiting').slice(0, Math.max(0, AT_ONCE - running));
    for (const item of waiting) this.#run(item);
  }

  async #run(item) {
    const abort = new AbortController();
    const current = () => item.abort === abort && !abort.signal.aborted;
    this.#set(item, { state: 'uploading', abort, sent: 0, total: item.size, attempt: item.attempt + 1 });
    try {
      this.#refuseTooLarge(item);
      const job = await this.#upload(item, abort.signal, current);
      if (!current()) return;
      this.#set(item, { job });
      const finished = await follow(job, (state) => current() && state !== 'done' && this.#set(item, { state }), abort.signal);
      if (current()) this.#finish(item, finished);
    } catch (error) {
      if (current()) this.#fail(item, error);
    } finally {
      this.#pump();
    }
  }

  #upload(item, signal, current) {
    const onProgress = (sent, total) => current() && item.state === 'uploading' && this.#set(item, { sent, total });
    return upload(item.file, item.domain, { onProgress, signal });
  }

  #refuseTooLarge(item) {
    const most = this.#limits.max_file_bytes;
    if (!most || item.size <= most) return;
    throw new ApiError({
      code: 'LIMIT_EXCEEDED',
      stage: 'upload',
      message: `${item.name}: ${bytes(item.size)}, and this server takes at most ${bytes(most)} a file`,
      hint: 'It was not sent. Add a smaller picture.',
    });
  }

  #finish(item, job) {
    if (job.error) return this.#fail(item, new ApiError(job.error, 200));
    if (!job.result) return this.#fail(item, new ApiError({ code: 'INTERNAL', message: 'The server gave no result.' }));
    item.result = job.result;
    return this.#end(item, 'done');
  }

  #fail(item, error) {
    if (explain(error.code).passing && item.attempt < MAX_ATTEMPTS) return this.#backOff(item, error);
    item.error = error instanceof ApiError ? error : new ApiError({ code: 'INTERNAL', message: 'This page failed.', hint: String(error) });
    return this.#end(item, 'failed');
  }

  /** A busy server is left alone by every item until the time it named. */
  #backOff(item, error) {
    this.#resumeAt = Math.max(this.#resumeAt, Date.now() + (error.retryAfter ?? DEFAULT_WAIT_S) * 1000);
    this.#set(item, { state: 'backoff', error, retryAt: this.#resumeAt });
    this.#ticker ??= setInterval(() => this.#tick(), 250);
  }

  #tick() {
    const pausing = this.#items.filter((item) => item.state === 'backoff');
    const over = Date.now() >= this.#resumeAt;
    for (const item of pausing) this.#set(item, over ? { state: 'waiting', error: null } : { retryAt: this.#resumeAt });
    if (!over && pausing.length > 0) return;
    clearInterval(this.#ticker);
    this.#ticker = null;
    this.#pump();
  }

  #end(item, state) {
    this.#set(item, { state, ended: new Date(), abort: null });
    this.#pump();
  }

  #set(item, facts) {
    Object.assign(item, facts);
    this.#emit('changed', item);
  }

  #emit(kind, item) {
    this.dispatchEvent(new CustomEvent(kind, { detail: item }));
  }
}

function fresh() {
  return { state: 'waiting', sent: 0, total: 0, attempt: 0, job: null, abort: null, result: null, error: null, retryAt: 0 };
}

/** Whether trying the same picture again may help. */
export function canRetry(item) {
  if (item.state === 'cancelled') return true;
  return item.state === 'failed' && explain(item.error.code).transient;
}
