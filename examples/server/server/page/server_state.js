// Watches the server: asks for its status now and then, and tells when it stops answering or is back. EventTarget with
// the event `state`, whose detail is {reachable, status, error}.

import { ApiError, request } from './api.js';

const CALM_MS = 10000;
const EAGER_MS = 1500; // while models load, or the server is away

export class ServerState extends EventTarget {
  reachable = null;
  status = null;
  error = null;
  #timer = null;

  start() {
    this.check();
    document.addEventListener('visibilitychange', () => !document.hidden && this.check());
  }

  /** Asks now; `byPerson` may bring the token dialog up again. */
  async check({ byPerson = false } = {}) {
    clearTimeout(this.#timer);
    try {
      this.status = await request('/api/v1/system/status', { byPerson });
      this.reachable = true;
      this.error = null;
    } catch (error) {
      this.error = error;
      this.reachable = error instanceof ApiError && error.status !== 0;
    }
    this.dispatchEvent(new CustomEvent('state', { detail: this }));
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => this.check(), this.#settled() ? CALM_MS : EAGER_MS);
  }

  #settled() {
    if (this.error?.status === 401) return true;
    return this.reachable && !this.error && Object.values(this.status.domains ?? {}).every((domain) => !isLoading(domain));
  }
}

/** Whether a model is on its way: neither ready nor failed. */
export function isLoading(domain) {
  return domain?.state === 'LOADING' && !domain.error;
}
